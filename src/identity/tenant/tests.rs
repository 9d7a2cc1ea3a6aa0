//! The rule for a call's tenant, source by source.

use super::{Tenant, TenantRules, TenantSettings, tenant};
use crate::bearer::User;
use crate::principal::Principal;
use crate::spiffe::SpiffeId;
use crate::unidentified::Unidentified;
use canon::Json;

fn rules(table: &[(&str, &str)]) -> TenantRules {
    let table = table.iter().map(|(pattern, tenant)| ((*pattern).to_owned(), (*tenant).to_owned())).collect();
    TenantRules::build(&TenantSettings { table }).unwrap()
}

/// A call of the workload `id` (nobody known, if empty) for a user whose token names `claim`.
fn check(route: Option<&str>, id: &str, claim: Option<&str>, expected: &str) {
    let rules = rules(&[
        ("spiffe://example.org/ns/shop/*", "shop"),
        ("spiffe://example.org/ns/shop/sa/audit", "audit"),
        ("spiffe://example.org/ns/shop/lab/*", "lab"),
        ("spiffe://partner.net/*", "partner"),
    ]);
    let user = |tenant: &str| User { issuer: String::new(), subject: String::new(), tenant: Some(tenant.to_owned()), claims: Json::Null };
    let workload = SpiffeId::parse(id).map(Into::into).map_err(|_| Unidentified::NoCertificate);
    let principal = Principal { workload, user: claim.map(user), actors: Vec::new() };
    let route = route.map(|name| Tenant::parse(name).unwrap());
    let found = match tenant(route.as_ref(), &rules, &principal) {
        Ok(tenant) => tenant.to_string(),
        Err(why) => {
            assert_eq!(why.code(), "toolgate.identity.tenant");
            why.to_string().split_once(": ").unwrap().1.to_owned()
        }
    };
    assert_eq!(found, expected, "{route:?} {id} {claim:?}");
}

#[test]
fn the_first_source_that_speaks_and_no_two_that_disagree() {
    let agent = "spiffe://example.org/ns/shop/sa/agent";
    let elsewhere = "spiffe://example.org/ns/shopping/sa/agent";
    check(None, "", None, "default");
    check(None, elsewhere, None, "default");
    check(None, agent, None, "shop");
    check(None, "spiffe://example.org/ns/shop/sa/audit", None, "audit");
    check(None, "spiffe://example.org/ns/shop/lab/x/y", None, "lab");
    check(None, "spiffe://partner.net/a", None, "partner");
    check(None, "spiffe://partner.network/a", None, "default");
    check(None, elsewhere, Some("acme"), "acme");
    check(None, "", Some("acme"), "acme");
    check(Some("acme"), "", None, "acme");
    check(Some("shop"), agent, Some("shop"), "shop");
    check(Some("default"), agent, None, "its route and its table name different ones");
    check(Some("acme"), agent, Some("acme"), "its route and its table name different ones");
    check(Some("shop"), agent, Some("acme"), "its route and its token name different ones");
    check(None, agent, Some("acme"), "its table and its token name different ones");
    check(None, agent, Some("Shop"), "its table and its token name different ones");
    check(Some("shop"), agent, Some("a b"), "the claim of the user token is not a tenant's name");
}

#[test]
fn names() {
    for name in ["a", "0", "acme.example_x:y@z-1", &"a".repeat(128)] {
        assert!(Tenant::parse(name).is_ok(), "{name}");
    }
    for name in ["", "-a", ".", "a b", "a/b", "a\n", "\u{e4}", &"a".repeat(129)] {
        assert!(Tenant::parse(name).is_err(), "{name}");
    }
}

#[test]
fn every_mistake_of_the_table_at_once() {
    let table = [
        ("example.org", "a"),
        ("spiffe://example.org/a*", "a"),
        ("spiffe://example.org/*/a", "a"),
        ("spiffe://example.org//*", "a"),
        ("spiffe://*", "a"),
        ("*", "a"),
        ("spiffe://example.org/a", "a b"),
        ("spiffe://example.org/b", "b"),
    ];
    let settings = TenantSettings { table: table.iter().map(|(pattern, tenant)| ((*pattern).to_owned(), (*tenant).to_owned())).collect() };
    let problems = TenantRules::build(&settings).unwrap_err();
    assert_eq!(problems.len(), table.len() - 1, "{problems:?}");
}
