//! Tables that cannot stand, and which of two routes a path takes.

use super::HttpRoutes;
use crate::malformed::Flaw;
use http::Method;

#[test]
fn all_mistakes_of_a_table_are_told_at_once() {
    let table = [
        ("GET", "/a/{x}", "ok"),
        ("get", "/b", "t"),
        ("G ET", "/b", "t"),
        ("GET", "b", "t"),
        ("GET", "/a/{y}", "t"),
        ("GET", "/a/{}", "t"),
        ("GET", "/{x}/{x}", "t"),
        ("GET", "/a/v{x}", "t"),
        ("GET", "/a//b", "t"),
        ("GET", "/a/../b", "t"),
        ("GET", "/a%2Fb", "t"),
        ("GET", "/c", ""),
        ("POST", "/a/{y}", "ok"),
        ("GET", "/", "ok"),
    ];
    let wrong = HttpRoutes::parse(table).expect_err("mistakes");
    assert_eq!(wrong.0.iter().map(|(place, _)| *place).collect::<Vec<_>>(), (1..12).collect::<Vec<_>>(), "{wrong}");
    assert!(HttpRoutes::parse([]).is_ok());
}

#[test]
fn a_fixed_segment_goes_before_a_variable_one_and_back_where_it_leads_nowhere() {
    let table = [
        ("GET", "/a/{x}", "variable"),
        ("GET", "/a/b", "fixed"),
        ("GET", "/{x}/c", "ends in c"),
        ("DELETE", "/{x}/b", "deletes"),
        ("GET", "/", "root"),
        ("GET", "/{x}/", "slash"),
    ];
    let routes = HttpRoutes::parse(table).expect("table");
    for (method, segments, tool, values) in [
        (Method::GET, vec!["a", "b"], Some("fixed"), vec![]),
        (Method::GET, vec!["a", "z"], Some("variable"), vec![("x", "z")]),
        (Method::GET, vec!["a", "c"], Some("variable"), vec![("x", "c")]),
        (Method::GET, vec!["z", "c"], Some("ends in c"), vec![("x", "z")]),
        (Method::DELETE, vec!["a", "b"], Some("deletes"), vec![("x", "a")]),
        (Method::GET, vec![""], Some("root"), vec![]),
        (Method::GET, vec!["z", ""], Some("slash"), vec![("x", "z")]),
        (Method::GET, vec!["a", "b", "c"], None, vec![]),
        (Method::POST, vec!["a", "b"], None, vec![]),
    ] {
        let segments: Vec<String> = segments.iter().map(|segment| (*segment).to_owned()).collect();
        let found = routes.find(&method, &segments).expect("one reading");
        assert_eq!(found.as_ref().map(|found| found.tool), tool, "{method} {segments:?}");
        assert_eq!(found.map(|found| found.values).unwrap_or_default(), values, "{method} {segments:?}");
    }
}

#[test]
fn the_twin_of_a_fixed_segment_is_no_variable() {
    let table = [
        ("POST", "/accounts/{id}", "change"),
        ("POST", "/accounts/close-all", "close"),
        ("DELETE", "/accounts/k", "delete"),
        ("POST", "/{any}/{id}", "any"),
    ];
    let routes = HttpRoutes::parse(table).expect("table");
    for (segments, tool) in [
        (["accounts", "close-all"], Some("close")),
        (["accounts", "close-al"], Some("change")),
        (["other", "CLOSE-ALL"], Some("any")),
        (["accounts", "CLOSE-ALL"], None),
        (["accounts", "close-All"], None),
        // Of another method, so it leads nowhere.
        (["accounts", "K"], None),
        (["accounts", "\u{212a}"], None),
        (["Accounts", "7"], None),
    ] {
        let segments = segments.map(str::to_owned);
        let found = routes.find(&Method::POST, &segments).map(|found| found.map(|found| found.tool));
        match tool {
            Some(tool) => assert_eq!(found, Ok(Some(tool)), "{segments:?}"),
            None => assert_eq!(found.map_err(|fault| fault.flaw), Err(Flaw::Path), "{segments:?}"),
        }
    }
}
