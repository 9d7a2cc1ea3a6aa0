//! Where an auditor reads from: two sections of a configuration, flags alone, another user; without a mode. And a trail that is read on from a mark.

use crate::peers::{AUDITOR, ClickHouse, command};
use audit::Filter;
use peers::clickhouse::trail::{Mark, after};
use peers::clickhouse::{Client, Credentials, Settings, Transport};
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// The same calls are read whichever way the place is named; `expected` are those.
pub(super) fn every_way_to_name_them_reads_the_same(folder: &Path, clickhouse: &ClickHouse, expected: &[Value]) {
    let url = format!("http://{}", clickhouse.http());
    let (user, file) = (AUDITOR.0, format!("{}.password", AUDITOR.0));
    // No other section, and none that is right.
    std::fs::write(
        folder.join("part.yaml"),
        format!("routes: 7\naudit: {{durability: none, clickhouse: {{url: '{url}', user: nobody}}}}\n"),
    )
    .unwrap();
    std::fs::write(folder.join("local.yaml"), "journal: {dir: journal, budget_bytes: no}\n").unwrap();
    let flags: [&[&str]; 5] = [
        &["--clickhouse", &url, "--user", user, "--password-file", &file],
        &["--clickhouse", &url, "--user", user, "--password-file", &file, "--database", "toolgate"],
        &["--config", "part.yaml", "--user", user, "--password-file", &file],
        &["--config", "local.yaml"],
        &["--journal", "journal"],
    ];
    for flags in flags {
        let output = query(folder, flags);
        assert!(output.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap(), expected, "{flags:?}");
    }
    for (flags, why) in [
        (&["--config", "nowhere.yaml"][..], "`--clickhouse URL` or `--journal DIR`"),
        (&["--config", "part.yaml"], "nobody"),
        (&["--clickhouse", "clickhouse:8123"], "is no URL"),
        (&["--clickhouse", "https://localhost:8443"], "`--roots`"),
        (&["--config", "local.yaml", "--user", user], "`--clickhouse URL`"),
        (&["--journal", "journal", "--user", user], "cannot be used with"),
    ] {
        let output = query(folder, flags);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.contains(why)), (Some(2), true), "{flags:?}: {told}");
    }
}

fn query(folder: &Path, flags: &[&str]) -> Output {
    command(folder, &[&["audit", "query", "-o", "json"], flags].concat(), &[])
}

/// Page by page each record comes once, in the order of each log; after the last nothing does, and some time before it everything again.
pub(super) fn a_page_begins_after_the_last(folder: &Path, clickhouse: &ClickHouse) {
    let client = Client::new(Settings {
        host: clickhouse.http().ip().to_string(),
        port: clickhouse.http().port(),
        transport: Transport::Plain,
        credentials: Credentials { user: AUDITOR.0.to_owned(), password_file: Some(folder.join(format!("{}.password", AUDITOR.0))) },
        database: "toolgate".to_owned(),
        request_timeout_ms: 30_000,
        answer_bytes_max: 1 << 20,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read = |filter: &Filter, mark: &Mark, most| runtime.block_on(after(&client, filter, mark, most)).unwrap();
    let (all, last) = read(&Filter::default(), &Mark::default(), 1000);
    assert!(all.iter().any(|row| row.kind == "outcome") && all.len() > 9, "{all:#?}");
    let (mut pages, mut mark) = (Vec::new(), Mark::default());
    loop {
        let (rows, next) = read(&Filter::default(), &mark, 2);
        pages.extend(rows.iter().cloned());
        if rows.len() < 2 {
            break;
        }
        mark = next;
    }
    assert_eq!(pages, all);
    assert_eq!(read(&Filter::default(), &last, 1000).0, []);
    assert_eq!(read(&Filter::default(), &last.before(Duration::from_secs(3600)), 1000).0, all);
    let refused = Filter { done: Some("refuse".to_owned()), ..Filter::default() };
    let (some, _) = read(&refused, &Mark::default(), 1000);
    assert!(some.iter().all(|row| row.kind == "outcome" || row.done.as_deref() == Some("refuse")), "{some:#?}");
    assert_eq!(some.iter().filter(|row| row.kind == "decision").count(), 1);
}
