"""A throw-away certificate authority for one trust domain, and the SVIDs that it gives (SPIFFE X509-SVID)."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = datetime.timedelta(hours=1)


class Authority:
    """Signs certificates for one trust domain; its own certificate is the trust bundle."""

    def __init__(self, domain: str, folder: Path) -> None:
        self.domain, self.folder, self.key = domain, folder, ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, domain)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(name, name, self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True).add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{domain}")]), critical=False)
        self.name, self.certificate = name, builder.sign(self.key, hashes.SHA256())
        self.bundle = folder / "bundle.pem"
        self.bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def svid(self, path: str, dns: list[str]) -> tuple[Path, Path]:
        """The files of a certificate and a key for `spiffe://<domain><path>`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.UniformResourceIdentifier(f"spiffe://{self.domain}{path}"), *map(x509.DNSName, dns)]
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = self._builder(x509.Name([]), self.name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True).add_extension(usage, critical=True)
        builder = builder.add_extension(both, critical=False).add_extension(x509.SubjectAlternativeName(names), critical=True)
        certificate = builder.sign(self.key, hashes.SHA256())
        stem = path.rsplit("/", 1)[-1]
        chain, secret = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*form))
        secret.chmod(0o400)
        return chain, secret

    @staticmethod
    def _builder(subject, issuer, public) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now - HOUR).not_valid_after(now + HOUR)
