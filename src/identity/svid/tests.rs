//! Every row of the table of certificates, made by rcgen, at an instant in 2030.

use super::{Svid, verify_svid, verify_upstream_svid};
use crate::anchors::Anchors;
use crate::spiffe::SpiffeId;
use crate::unidentified::{Unidentified, WrongPeer};
use canon::Micros;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Eku,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose as Ku, NameConstraints, SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

/// 2030-06-01T00:00:00Z.
const AT: Micros = Micros(1_906_502_400_000_000);
const AGENT: &str = "spiffe://example.org/ns/shop/sa/agent";

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![Ku::KeyCertSign, Ku::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2029, 1, 1), date_time_ymd(2032, 1, 1));
    params
}

fn root(params: CertificateParams) -> Ca {
    Ca::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A leaf that is right in everything.
fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![uri(AGENT)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![Ku::DigitalSignature];
    params.extended_key_usages = vec![Eku::ServerAuth, Eku::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(2030, 1, 1), date_time_ymd(2031, 1, 1));
    params
}

fn issue(params: &CertificateParams, by: &Ca) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().clone()
}

fn anchors(bundles: &[(&str, &str)]) -> Anchors {
    Anchors::build(bundles.iter().map(|(domain, pem)| (*domain, pem.as_bytes()))).unwrap()
}

/// The last part of the code, or whom the chain names.
fn answer(found: Result<Svid, Unidentified>) -> String {
    match found {
        Ok(svid) => svid.workload().id.to_string(),
        Err(why) => why.code().strip_prefix("toolgate.identity.").unwrap().to_owned(),
    }
}

fn check(case: &str, chain: &[CertificateDer<'_>], anchors: &Anchors, expected: &str) {
    assert_eq!(answer(verify_svid(chain, anchors, AT)), expected, "{case}");
    // Both directions have the same rules.
    let as_upstream = match verify_upstream_svid(chain, &SpiffeId::parse(AGENT).unwrap(), anchors, AT) {
        Ok(()) => AGENT.to_owned(),
        Err(WrongPeer::NotAnSvid(why)) => answer(Err(why)),
        Err(WrongPeer::WrongId { found, .. }) => found.to_string(),
    };
    assert_eq!(as_upstream, expected, "{case}, as an upstream");
}

type Change = fn(&mut CertificateParams);

fn key_usage(critical: bool, bits: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 15], bits.to_vec());
    extension.set_criticality(critical);
    extension
}

fn names(params: &mut CertificateParams, uris: &[&str]) {
    params.subject_alt_names = uris.iter().copied().map(uri).collect();
}

#[test]
fn the_leaf_s_own_rules() {
    let ca = root(ca_params("root"));
    let anchors = anchors(&[("example.org", &ca.pem())]);
    let cases: &[(&str, Change, &str)] = &[
        ("right in everything", |_| {}, AGENT),
        ("a DNS name beside it", |p| p.subject_alt_names.push(SanType::DnsName("agent.shop".try_into().unwrap())), AGENT),
        ("no extended key usage", |p| p.extended_key_usages.clear(), AGENT),
        ("no basic constraints", |p| p.is_ca = IsCa::NoCa, AGENT),
        ("other key usages beside it", |p| p.key_usages.push(Ku::KeyAgreement), AGENT),
        ("two URIs", |p| p.subject_alt_names.push(uri("spiffe://example.org/other")), "several_uris"),
        ("the same URI twice", |p| p.subject_alt_names.push(uri(AGENT)), "several_uris"),
        ("a second URI of another scheme", |p| p.subject_alt_names.push(uri("https://example.org/")), "several_uris"),
        ("no name at all", |p| p.subject_alt_names.clear(), "no_uri"),
        ("only a DNS name", |p| p.subject_alt_names = vec![SanType::DnsName("agent.shop".try_into().unwrap())], "no_uri"),
        (
            "the id as common name only",
            |p| {
                p.subject_alt_names.clear();
                p.distinguished_name.push(DnType::CommonName, AGENT);
            },
            "no_uri",
        ),
        ("another scheme", |p| names(p, &["https://example.org/ns/shop/sa/agent"]), "bad_id"),
        ("the trust domain alone", |p| names(p, &["spiffe://example.org"]), "bad_id"),
        ("a slash at the end", |p| names(p, &["spiffe://example.org/agent/"]), "bad_id"),
        ("capitals in the trust domain", |p| names(p, &["spiffe://Example.org/agent"]), "bad_id"),
        ("an authority", |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "authority"),
        ("no key usage", |p| p.key_usages.clear(), "key_usage"),
        ("no digitalSignature", |p| p.key_usages = vec![Ku::KeyAgreement], "key_usage"),
        ("keyCertSign", |p| p.key_usages.push(Ku::KeyCertSign), "key_usage"),
        ("cRLSign", |p| p.key_usages.push(Ku::CrlSign), "key_usage"),
        (
            "key usage not critical",
            |p| {
                p.key_usages.clear();
                p.custom_extensions = vec![key_usage(false, &[3, 2, 7, 0x80])];
            },
            "key_usage",
        ),
        (
            "the same, critical (control)",
            |p| {
                p.key_usages.clear();
                p.custom_extensions = vec![key_usage(true, &[3, 2, 7, 0x80])];
            },
            AGENT,
        ),
        ("serverAuth alone", |p| p.extended_key_usages = vec![Eku::ServerAuth], "extended_key_usage"),
        ("clientAuth alone", |p| p.extended_key_usages = vec![Eku::ClientAuth], "extended_key_usage"),
        ("any extended key usage", |p| p.extended_key_usages = vec![Eku::Any], "extended_key_usage"),
        ("names twice", |p| p.custom_extensions = vec![names_extension(b"spiffe://example.org/other")], "unreadable"),
        ("a name that ends early for C", |p| raw_name(p, b"spiffe://example.org/a\0/b"), "bad_id"),
        ("a URI that is not ASCII", |p| raw_name(p, b"spiffe://example.org/\xff"), "unreadable"),
        ("key usage twice", |p| p.custom_extensions = vec![key_usage(true, &[3, 2, 7, 0x80])], "unreadable"),
        ("a critical extension nobody knows", |p| p.custom_extensions = vec![strange_extension()], "chain"),
        ("expired", |p| p.not_after = date_time_ymd(2030, 5, 31), "expired"),
        ("in its last second", |p| p.not_after = date_time_ymd(2030, 6, 1), AGENT),
        ("in its first second", |p| p.not_before = date_time_ymd(2030, 6, 1), AGENT),
        ("not yet valid", |p| p.not_before = date_time_ymd(2030, 6, 2), "not_yet_valid"),
        ("a trust domain without a bundle", |p| names(p, &["spiffe://elsewhere.org/agent"]), "trust_domain"),
        ("a trust domain below ours", |p| names(p, &["spiffe://a.example.org/agent"]), "trust_domain"),
    ];
    for (case, change, expected) in cases {
        let mut params = leaf_params();
        change(&mut params);
        check(case, &[issue(&params, &ca)], &anchors, expected);
    }
}

/// A subject alternative name with one URI of any bytes.
fn names_extension(uri: &[u8]) -> CustomExtension {
    let bytes = |length: usize| u8::try_from(length).unwrap();
    let content = [&[0x30, bytes(uri.len() + 2), 0x86, bytes(uri.len())], uri].concat();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], content)
}

fn raw_name(params: &mut CertificateParams, uri: &[u8]) {
    params.subject_alt_names.clear();
    params.custom_extensions = vec![names_extension(uri)];
}

fn strange_extension() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

#[test]
fn the_chain() {
    let ca = root(ca_params("root"));
    let foreign = root(ca_params("root"));
    let both = anchors(&[("example.org", &ca.pem()), ("partner.net", &foreign.pem())]);
    let good = issue(&leaf_params(), &ca);
    check("nothing presented", &[], &both, "no_certificate");
    check("not a certificate", &[CertificateDer::from(vec![0x30, 0])], &both, "unreadable");
    check("bytes after it", &[CertificateDer::from([good.as_ref(), &[0]].concat())], &both, "unreadable");
    let mut changed = good.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    check("one bit changed", &[CertificateDer::from(changed)], &both, "unknown_authority");
    check("signed by itself", &[self_signed()], &both, "unknown_authority");
    check("a federated domain vouches for ours", &[issue(&leaf_params(), &foreign)], &both, "unknown_authority");

    let between = Ca::signed_by(ca_params("between"), KeyPair::generate().unwrap(), &ca).unwrap();
    let leaf = issue(&leaf_params(), &between);
    check("an authority between", &[leaf.clone(), between.der().clone()], &both, AGENT);
    check("an authority between, not sent", std::slice::from_ref(&leaf), &both, "unknown_authority");
    let many = [&[leaf][..], &vec![between.der().clone(); 8]].concat();
    check("too many certificates", &many, &both, "chain");
    check("as many as there may be", &many[..8], &both, AGENT);

    let mut params = ca_params("old");
    params.not_after = date_time_ymd(2030, 5, 31);
    let old = Ca::signed_by(params.clone(), KeyPair::generate().unwrap(), &ca).unwrap();
    check("an expired authority between", &[issue(&leaf_params(), &old), old.der().clone()], &both, "authority_validity");
    let old = root(params);
    check("an expired root", &[issue(&leaf_params(), &old)], &anchors(&[("example.org", &old.pem())]), "authority_validity");

    let renewed = root(ca_params("old"));
    let two = anchors(&[("example.org", &[old.pem(), renewed.pem()].concat())]);
    check("an expired root beside its namesake", &[issue(&leaf_params(), &old)], &two, "authority_validity");
    check("the namesake", &[issue(&leaf_params(), &renewed)], &two, AGENT);

    // A leaf that issues another: its key usage and basic constraints do not let it.
    let workload = Ca::signed_by(leaf_params(), KeyPair::generate().unwrap(), &ca).unwrap();
    check("a workload vouches for another", &[issue(&leaf_params(), &workload), workload.der().clone()], &both, "chain");
}

fn self_signed() -> CertificateDer<'static> {
    leaf_params().self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

#[test]
fn name_constraints() {
    let dns = |name: &str| {
        Some(NameConstraints { permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_owned())], excluded_subtrees: Vec::new() })
    };
    let mut params = ca_params("constrained");
    params.name_constraints = dns("shop");
    let ca = root(params);
    let anchors = anchors(&[("example.org", &ca.pem())]);
    check("a DNS constraint says nothing of URIs", &[issue(&leaf_params(), &ca)], &anchors, AGENT);
    let mut params = leaf_params();
    params.subject_alt_names.push(SanType::DnsName("agent.elsewhere".try_into().unwrap()));
    check("a DNS name outside the constraint", &[issue(&params, &ca)], &anchors, "chain");
}

#[test]
fn sha1_signs_nothing() {
    let leaf = include_bytes!("../../../fixtures/certificates/sha1/leaf.pem");
    let root = include_str!("../../../fixtures/certificates/sha1/root.pem");
    let leaf = <CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(leaf).unwrap();
    check("SHA-1", &[leaf], &anchors(&[("example.org", root)]), "chain");
}

#[test]
fn an_upstream_is_exactly_the_one_expected() {
    let ca = root(ca_params("root"));
    let anchors = anchors(&[("example.org", &ca.pem())]);
    let chain = [issue(&leaf_params(), &ca)];
    let other = SpiffeId::parse("spiffe://example.org/ns/shop/sa/agent2").unwrap();
    let wrong = verify_upstream_svid(&chain, &other, &anchors, AT).unwrap_err();
    assert_eq!(wrong.to_string(), format!("the upstream is `{AGENT}`, where `{other}` is expected"));
}

#[test]
fn what_was_verified_holds_while_leaf_and_anchors_do() {
    let ca = root(ca_params("root"));
    let first = anchors(&[("example.org", &ca.pem())]);
    let second = anchors(&[("example.org", &root(ca_params("root")).pem())]);
    let svid = verify_svid(&[issue(&leaf_params(), &ca)], &first, AT).unwrap();
    assert_eq!(svid.not_after().to_string(), "2031-01-01T00:00:00.000000Z");
    let second_after = Micros(svid.not_after().0 + 1_000_000);
    let first_second = Micros(1_893_456_000_000_000);
    assert_eq!(first_second.to_string(), "2030-01-01T00:00:00.000000Z");
    for (anchors, at, holds) in [
        (&first, AT, true),
        (&second, AT, false),
        (&first, svid.not_after(), true),
        (&first, second_after, false),
        (&first, first_second, true),
        (&first, Micros(first_second.0 - 1), false),
    ] {
        assert_eq!(svid.holds(anchors, at), holds, "{at}");
    }
}
