//! What a bundle takes in, and what it refuses.

use super::{ArchiveLimits, Source};
use crate::Rego;
use canon::json::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_entry_type(*kind);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("target").unwrap();
        }
        // The builder itself would refuse `..`: the name goes in as bytes.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

const FILE: EntryType = EntryType::Regular;

#[test]
fn an_archive_is_its_files() {
    let packed = archive(&[
        ("/toolgate/", EntryType::Directory, b""),
        ("/toolgate/p.rego", FILE, b"package toolgate"),
        ("./data.json", FILE, b"{}"),
    ]);
    let from_archive = Source::of_archive(&packed, &ArchiveLimits::default()).unwrap();
    let files =
        [("data.json", "{}"), ("toolgate/p.rego", "package toolgate")].map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let from_files = Source::of_files(files).unwrap();
    assert_eq!(from_archive, from_files);
    assert_eq!(from_archive.digest(), from_files.digest());
}

#[test]
fn a_hostile_archive_is_refused() {
    let small = ArchiveLimits { packed_bytes_max: 4096, unpacked_bytes_max: 8192, file_bytes_max: 4096, entries_max: 3 };
    let zeros = vec![0; 1 << 18];
    for (packed, what) in [
        (archive(&[("../p.rego", FILE, b"x")]), "leaves"),
        (archive(&[("a/../../p.rego", FILE, b"x")]), "leaves"),
        (archive(&[("a//b", FILE, b"x")]), "plain"),
        (archive(&[("a", FILE, b"x"), ("/a", FILE, b"y")]), "twice"),
        (archive(&[("a", EntryType::Symlink, b"")]), "links"),
        (archive(&[("a", EntryType::Link, b"")]), "links"),
        (archive(&[("a", EntryType::Fifo, b"")]), "links"),
        (archive(&[("a", FILE, &zeros)]), "may have"),
        (archive(&[("a", FILE, &zeros[..4000]), ("b", FILE, &zeros[..4000]), ("c", FILE, &zeros[..4000])]), "may have"),
        (archive(&[("a", FILE, b""), ("b", FILE, b""), ("c", FILE, b""), ("d", FILE, b"")]), "entries"),
        (vec![0x1f, 0x8b, 8, 0, 1, 2, 3], "cannot be read"),
        (vec![7; 5000], "at most"),
    ] {
        let problems = Source::of_archive(&packed, &small).expect_err(what);
        assert!(problems[0].message.contains(what), "{what}: {}", problems[0]);
    }
    let mut cut = archive(&[("a", FILE, &zeros[..2000])]);
    cut.truncate(cut.len() - 20);
    assert!(Source::of_archive(&cut, &small).is_err());
}

#[test]
fn yaml_is_read_where_all_readers_agree() {
    for (text, expected) in [
        (
            "a: 1\nb: -2.5\nc: text\nd: null\ne: true\nf: \"yes\"\ng: '010'\n",
            r#"{"a":1,"b":-2.5,"c":"text","d":null,"e":true,"f":"yes","g":"010"}"#,
        ),
        ("- a\n- [b, {c: d}]\n", r#"["a",["b",{"c":"d"}]]"#),
        ("net: 10.0.0.0/8\nversion: 1.2.3\n", r#"{"net":"10.0.0.0/8","version":"1.2.3"}"#),
        ("{}", "{}"),
    ] {
        let json = canon::json::parse::<Rego>(expected.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(super::yaml::read("data.yaml", text.as_bytes(), &Limits::default()), Ok(json), "{text}");
    }
    for (text, line) in [
        ("a: 1\na: 2\n", 2),
        ("a: yes\n", 1),
        ("a: 010\n", 1),
        ("a: 0x10\n", 1),
        ("a: 1_000\n", 1),
        ("a: .inf\n", 1),
        ("a: 12:30\n", 1),
        ("a: True\n", 1),
        ("a: 9007199254740993\n", 1),
        ("a: &x 1\nb: *x\n", 1),
        ("a: !!str 1\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: [1\n", 1),
        ("? [a]\n: b\n", 1),
        ("", 0),
    ] {
        let problem = super::yaml::read("data.yaml", text.as_bytes(), &Limits::default()).expect_err(text);
        assert_eq!(problem.line, line, "{text}: {problem}");
    }
}
