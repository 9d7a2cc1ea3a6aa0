//! The SPIFFE-ID standard, by example and by property.

use super::{BadSpiffeId, SpiffeId, Workload};
use proptest::prelude::*;

fn check(text: &str, expected: Result<(&str, &str), BadSpiffeId>) {
    let found = SpiffeId::parse(text);
    assert_eq!(found.as_ref().map(|id| (id.trust_domain(), id.path())).map_err(|bad| *bad), expected, "`{text}`");
}

#[test]
fn by_the_letter() {
    use BadSpiffeId::{NoPath, PathCharacter, Scheme, Segment, TooLong, TrustDomain};
    check("spiffe://example.org/a", Ok(("example.org", "/a")));
    check("spiffe://a_b-c.d9/ns/x/sa/Y.z_-", Ok(("a_b-c.d9", "/ns/x/sa/Y.z_-")));
    check("spiffe://1/...", Ok(("1", "/...")));
    for (text, bad) in [
        ("", Scheme),
        ("SPIFFE://example.org/a", Scheme),
        (" spiffe://example.org/a", Scheme),
        ("spiffe:/example.org/a", Scheme),
        ("https://example.org/a", Scheme),
        ("spiffe://example.org", NoPath),
        ("spiffe:///a", TrustDomain),
        ("spiffe://Example.org/a", TrustDomain),
        ("spiffe://example.org:443/a", TrustDomain),
        ("spiffe://user@example.org/a", TrustDomain),
        ("spiffe://ex%61mple.org/a", TrustDomain),
        ("spiffe://ex\u{e4}mple.org/a", TrustDomain),
        ("spiffe://example.org/", Segment),
        ("spiffe://example.org/a/", Segment),
        ("spiffe://example.org//a", Segment),
        ("spiffe://example.org/a/./b", Segment),
        ("spiffe://example.org/a/../b", Segment),
        ("spiffe://example.org/%61", PathCharacter),
        ("spiffe://example.org/a?b", PathCharacter),
        ("spiffe://example.org/a#b", PathCharacter),
        ("spiffe://example.org/a b", PathCharacter),
        ("spiffe://example.org/a\0", PathCharacter),
        ("spiffe://example.org/a\n", PathCharacter),
        ("spiffe://example.org/a:b", PathCharacter),
        ("spiffe://example.org/\u{e4}", PathCharacter),
    ] {
        check(text, Err(bad));
    }
    let (domain, path) = ("d".repeat(255), "p".repeat(2048 - "spiffe://".len() - 255 - 1));
    check(&format!("spiffe://{domain}/{path}"), Ok((&domain, &format!("/{path}"))));
    check(&format!("spiffe://{domain}/{path}p"), Err(TooLong));
    check(&format!("spiffe://{domain}d/p"), Err(TrustDomain));
}

#[test]
fn namespace_and_service_account_come_from_one_form_of_path() {
    for (path, expected) in [
        ("/ns/shop/sa/agent", Some(("shop", "agent"))),
        ("/ns/shop/sa", None),
        ("/ns/shop/sa/agent/more", None),
        ("/x/ns/shop/sa/agent", None),
        ("/ns/shop/pod/agent", None),
    ] {
        let workload = Workload::from(SpiffeId::parse(&format!("spiffe://example.org{path}")).unwrap());
        assert_eq!(workload.namespace.as_deref().zip(workload.service_account.as_deref()), expected, "`{path}`");
    }
}

proptest! {
    #[test]
    fn what_parses_is_kept_byte_for_byte(text in "(spiffe://)?[a-zA-Z._%:@/ ?#-]{0,40}") {
        if let Ok(id) = SpiffeId::parse(&text) {
            prop_assert_eq!(id.as_str(), &text);
            prop_assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text);
        }
    }
}
