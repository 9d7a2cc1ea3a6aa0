//! Who toolgate is and whom it believes: its certificate, trust bundles, token issuers, and whose tenant a caller is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use identity::{Algorithm, IssuerSettings, Tenant, TenantProblem, TenantRules, TenantSettings, TrustDomain};

use crate::reader::wanted::{Wanted, list, named, one_of, path, section as map, table, text, whole};
use crate::reader::{Section, all};

/// Who toolgate is and whom it believes.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The trust domain of this installation; the audience of permissions.
    pub trust_domain: TrustDomain,
    /// toolgate's own SVID, towards callers and upstreams.
    pub svid: Option<SvidFiles>,
    /// The file with the authorities of each trust domain.
    pub trust_bundles: BTreeMap<TrustDomain, PathBuf>,
    /// Whose user tokens are believed; `jwks` is a path.
    pub issuers: Vec<IssuerSettings>,
    /// The tenants of workloads.
    pub tenants: TenantRules,
}

/// The PEM files of an SVID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvidFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The leaf's private key.
    pub key: PathBuf,
}

/// The section `identity`.
pub(crate) fn identity(section: &mut Section<'_>) -> Option<Identity> {
    let domain = || Wanted::parsed("a trust domain such as `example.org`", TrustDomain::parse);
    all!(Identity {
        trust_domain: section.required("trust_domain", &domain()),
        svid: section.optional("svid", &map("a map with `certificate` and `key`", svid)),
        trust_bundles: section.or("trust_bundles", BTreeMap::new(), &table(domain(), path(), 100)),
        issuers: section.or("issuers", Vec::new(), &named("issuer", map("a map that describes an issuer", issuer), 0..=100)),
        tenants: section.or("tenants", TenantRules::default(), &tenants()),
    })
}

fn svid(section: &mut Section<'_>) -> Option<SvidFiles> {
    all!(SvidFiles { certificate: section.required("certificate", &path()), key: section.required("key", &path()) })
}

fn issuer(section: &mut Section<'_>) -> Option<IssuerSettings> {
    let algorithm = one_of([
        ("RS256", Algorithm::RS256),
        ("PS256", Algorithm::PS256),
        ("ES256", Algorithm::ES256),
        ("ES384", Algorithm::ES384),
        ("EdDSA", Algorithm::EdDSA),
    ]);
    let claim = || text("the name of a claim", 1..=255);
    all!(IssuerSettings {
        issuer: section.required("issuer", &text("the exact `iss` of the tokens", 1..=1024)),
        jwks: section.required("jwks", &path()).map(|path| path.display().to_string()),
        audience: section.required("audience", &text("the `aud` of the tokens", 1..=1024)),
        algorithms: section.required("algorithms", &list(algorithm, 1..=5)),
        clock_skew_seconds: section.or("clock_skew_s", 30, &whole(0..=300)),
        claims: section.or("claims", Vec::new(), &list(claim(), 0..=100)),
        tenant_claim: section.optional("tenant_claim", &claim()),
    })
}

/// From SPIFFE ids to tenants. Each entry is tried by itself first, so that a mistake has its line.
fn tenants() -> Wanted<'static, TenantRules> {
    let pattern = Wanted::parsed("a SPIFFE id, or `/*` after one for all below it", |pattern| {
        rules(BTreeMap::from([(pattern.to_owned(), "a".to_owned())])).map(|_| pattern.to_owned())
    });
    let tenant = Wanted::parsed("a tenant", |name| Tenant::parse(name).map(|_| name.to_owned()));
    let entries = table(pattern, tenant, 10_000);
    Wanted::of(entries.what.clone(), move |field| match rules(entries.read(field)?) {
        Ok(rules) => Some(rules),
        Err(why) => field.wrong(why),
    })
}

fn rules(table: BTreeMap<String, String>) -> Result<TenantRules, String> {
    let told = |problems: Vec<TenantProblem>| problems.into_iter().map(|problem| problem.why).collect::<Vec<_>>().join("; ");
    TenantRules::build(&TenantSettings { table }).map_err(told)
}
