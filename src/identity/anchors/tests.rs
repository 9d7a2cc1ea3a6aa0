//! What is refused when bundles are loaded, all of it at once.

use super::Anchors;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

fn pem(is_ca: IsCa) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = is_ca;
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

#[test]
fn every_mistake_at_once() {
    let (authority, leaf) = (pem(IsCa::Ca(BasicConstraints::Unconstrained)), pem(IsCa::ExplicitNoCa));
    let mixed = format!("{authority}{leaf}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let bundles = [
        ("example.org", authority.as_str()),
        ("example.org", authority.as_str()),
        ("spiffe://example.org", authority.as_str()),
        ("empty.org", "no PEM here"),
        ("mixed.org", &mixed),
    ];
    let problems = Anchors::build(bundles.map(|(domain, pem)| (domain, pem.as_bytes()))).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "the trust domain `example.org` has two bundles: put all its authorities into one",
            "`spiffe://example.org` is not a trust domain: write a bare name such as `example.org`",
            "the bundle of the trust domain `empty.org` has no authority: give it PEM certificates",
            "certificate 2 in the bundle of the trust domain `mixed.org` is not that of an authority (its basic constraints do not say CA)",
            "certificate 3 in the bundle of the trust domain `mixed.org` cannot be read as X.509",
        ]
    );
}

#[test]
fn a_generation_is_the_content() {
    let (one, other) = (pem(IsCa::Ca(BasicConstraints::Unconstrained)), pem(IsCa::Ca(BasicConstraints::Unconstrained)));
    let generation = |bundles: &[(&str, &str)]| Anchors::build(bundles.iter().map(|(d, p)| (*d, p.as_bytes()))).unwrap().generation();
    assert_eq!(generation(&[("a", &one)]), generation(&[("a", &one)]));
    assert_ne!(generation(&[("a", &one)]), generation(&[("a", &other)]));
    assert_ne!(generation(&[("a", &one)]), generation(&[("b", &one)]));
    assert_ne!(generation(&[("a", &one)]), generation(&[("a", &one), ("b", &other)]));
}
