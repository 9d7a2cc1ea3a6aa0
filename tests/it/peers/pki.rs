//! Certificate authorities of trust domains, and what they issue: X.509-SVIDs as SPIFFE wants them, and wrong ones.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The authority of one trust domain.
pub(crate) struct Authority {
    trust_domain: String,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate to ask for. [`Leaf::svid`] makes a right one; change a field to make a wrong one.
#[derive(Clone)]
pub(crate) struct Leaf {
    /// URI names.
    pub(crate) uris: Vec<String>,
    /// DNS names.
    pub(crate) dns: Vec<String>,
    /// Whether it says that it may issue certificates.
    pub(crate) authority: bool,
    /// For which side of TLS it is.
    pub(crate) usages: Vec<ExtendedKeyUsagePurpose>,
    /// From when until when.
    pub(crate) valid: Range<SystemTime>,
}

/// The ways in which a certificate is no SVID. [`Wrong::ALL`] has each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It ended a minute ago.
    Expired,
    /// It begins in an hour.
    NotYet,
    /// Two URI names.
    TwoNames,
    /// No name at all.
    NoName,
    /// A DNS name only.
    DnsOnly,
    /// A URI that is no SPIFFE id.
    OtherScheme,
    /// CA:TRUE.
    IsAuthority,
    /// For servers only, shown by a client.
    ServerOnly,
}

impl Wrong {
    /// Every way.
    pub(crate) const ALL: [Wrong; 8] = [
        Wrong::Expired,
        Wrong::NotYet,
        Wrong::TwoNames,
        Wrong::NoName,
        Wrong::DnsOnly,
        Wrong::OtherScheme,
        Wrong::IsAuthority,
        Wrong::ServerOnly,
    ];
}

/// A certificate with its key, in PEM.
pub(crate) struct Issued {
    /// The leaf.
    pub(crate) chain: String,
    /// Its key, PKCS#8.
    pub(crate) key: String,
}

/// Where an [`Issued`] was written.
pub(crate) struct Paths {
    /// The leaf.
    pub(crate) chain: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Authority {
    /// A new one, valid from an hour ago for a day.
    pub(crate) fn new(trust_domain: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&format!("authority of {trust_domain}"));
        params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(&mut params, day());
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { trust_domain: trust_domain.to_owned(), issuer: Issuer::new(params, key), pem }
    }

    /// Its certificate: the trust bundle, in PEM.
    pub(crate) fn bundle(&self) -> &str {
        &self.pem
    }

    /// The SPIFFE id of a path, which starts with `/`.
    pub(crate) fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.trust_domain)
    }

    /// A right SVID for a path, good as client and as server on 127.0.0.1.
    pub(crate) fn svid(&self, path: &str) -> Issued {
        self.issue(&Leaf::svid(self.id(path)))
    }

    /// A certificate for a path that is wrong in one way.
    pub(crate) fn wrong(&self, wrong: Wrong, path: &str) -> Issued {
        let (right, now) = (Leaf::svid(self.id(path)), SystemTime::now());
        self.issue(&match wrong {
            Wrong::Expired => Leaf { valid: now - Duration::from_secs(3600)..now - Duration::from_secs(60), ..right },
            Wrong::NotYet => Leaf { valid: now + Duration::from_secs(3600)..now + Duration::from_secs(7200), ..right },
            Wrong::TwoNames => Leaf { uris: vec![self.id(path), self.id("/other")], ..right },
            Wrong::NoName => Leaf { uris: Vec::new(), ..right },
            Wrong::DnsOnly => Leaf { uris: Vec::new(), dns: vec!["agent.example".to_owned()], ..right },
            Wrong::OtherScheme => Leaf { uris: vec![format!("https://{}{path}", self.trust_domain)], ..right },
            Wrong::IsAuthority => Leaf { authority: true, ..right },
            Wrong::ServerOnly => Leaf { usages: vec![ExtendedKeyUsagePurpose::ServerAuth], ..right },
        })
    }

    /// Signs what is asked for, right or wrong.
    pub(crate) fn issue(&self, leaf: &Leaf) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from(self.serial()));
        let dns = leaf.dns.iter().map(|name| SanType::DnsName(name.as_str().try_into().unwrap()));
        params.subject_alt_names = leaf.uris.iter().map(|name| uri(name)).chain(dns).collect();
        params.is_ca = if leaf.authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages.clone_from(&leaf.usages);
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, leaf.valid.clone());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { chain: certificate.pem(), key: key.serialize_pem() }
    }

    fn serial(&self) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(&self.trust_domain) >> 1
    }
}

impl Leaf {
    /// Exactly one URI name, for both sides of TLS, valid from an hour ago for a day.
    pub(crate) fn svid(id: String) -> Leaf {
        let usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        Leaf { uris: vec![id], dns: Vec::new(), authority: false, usages, valid: day() }
    }
}

impl Issued {
    /// Writes `<name>.pem` and `<name>.key` into `folder`, each whole at once, so that a server that watches them never reads a half.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Paths {
        let paths = Paths { chain: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        for (path, content) in [(&paths.chain, &self.chain), (&paths.key, &self.key)] {
            let fresh = path.with_extension("fresh");
            std::fs::write(&fresh, content).unwrap();
            std::fs::rename(&fresh, path).unwrap();
        }
        paths
    }
}

fn day() -> Range<SystemTime> {
    let from = SystemTime::now() - Duration::from_secs(3600);
    from..from + Duration::from_secs(24 * 3600)
}

fn set_validity(params: &mut CertificateParams, valid: Range<SystemTime>) {
    params.not_before = valid.start.into();
    params.not_after = valid.end.into();
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}
