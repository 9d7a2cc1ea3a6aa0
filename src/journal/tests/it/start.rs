//! Starts: one process a directory, and clear words where it cannot be.

use crate::trail::{all, assert_whole, call, facts, forwarded, note, open, settings, wall};
use journal::{Entry, Journal, OpenError, Reader, Settings};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn failure(settings: &Settings) -> OpenError {
    Journal::open(settings, wall, facts()).err().unwrap()
}

#[test]
fn a_directory_has_one_writer_and_many_readers() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    let error = failure(&settings);
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert_eq!(Reader::open(&settings.dir).unwrap().newest().unwrap().unwrap().head(), journal.head());
    for (name, mode) in [("", 0o700), ("journal.db", 0o600), ("journal.db-wal", 0o600), ("lock", 0o600)] {
        let found = std::fs::metadata(settings.dir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "`{name}`: the digest key is private");
    }
}

#[tokio::test]
async fn each_start_is_a_writer_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let mut writers = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..3 {
        let journal = open(&settings);
        drop(journal.append(forwarded(&journal, call())).await.unwrap());
        writers.push(journal.writer());
        keys.push(journal.digest_key().sign(&[b"x"]));
        journal.close().await.unwrap();
    }
    assert!(writers.iter().all(|writer| writer.instance == writers[0].instance));
    assert_eq!(writers.iter().map(|writer| writer.epoch.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(keys.iter().all(|key| *key == keys[0]), "digests of one journal compare over its starts");
    assert_whole(&all(&settings));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    // Root may write anywhere but into the kernel's own file systems.
    for (dir, what) in
        [("/sys/kernel", "write to"), ("/proc/self/toolgate", "make"), ("/nowhere/at/all", "make"), ("/dev/null", "write to")]
    {
        let error = failure(&Settings { dir: PathBuf::from(dir), ..Settings::default() });
        let text = error.to_string();
        assert!(matches!(error, OpenError::Directory { .. }) && text.contains(what) && text.contains(dir), "{text}");
    }
    let error = Reader::open(Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/journal.db"), "{error}");
}

/// A journal with some records, closed; then `damage` to its file.
async fn damaged(clean: bool, damage: impl Fn(&std::fs::File, u64)) -> (tempfile::TempDir, Settings) {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    for number in 0..50 {
        drop(journal.append(Entry::of(call(), vec![note(3000 + number)])).await.unwrap());
    }
    journal.close().await.unwrap();
    let path = settings.dir.join("journal.db");
    if !clean {
        rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE instance SET clean = 0").unwrap();
    }
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    damage(&file, file.metadata().unwrap().len());
    (dir, settings)
}

#[tokio::test]
async fn a_damaged_file_is_said_to_be_damaged() {
    let (_dir, settings) = damaged(true, |file, _| file.write_all_at(b"not a database at all", 0).unwrap()).await;
    let error = failure(&settings);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let (_dir, settings) = damaged(true, |file, bytes| file.set_len(bytes / 2).unwrap()).await;
    let error = failure(&settings);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let (_dir, settings) = damaged(true, |file, _| file.set_len(0).unwrap()).await;
    drop(open(&settings));
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("journal")).unwrap();
    rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    let error = failure(&crate::trail::settings(dir.path()));
    assert!(matches!(error, OpenError::NotAJournal { .. }), "{error}");
}

#[tokio::test]
async fn after_an_unclean_end_a_changed_record_stops_the_start_and_is_named() {
    let flip = |file: &std::fs::File, bytes: u64| {
        let mut content = vec![0; usize::try_from(bytes).unwrap()];
        file.read_exact_at(&mut content, 0).unwrap();
        let place = content.windows(10).position(|window| window == b"\"seq\":17,\"").unwrap();
        file.write_all_at(b"\"seq\":18", u64::try_from(place).unwrap()).unwrap();
    };
    let (_dir, settings) = damaged(false, flip).await;
    let error = failure(&settings).to_string();
    assert!(error.contains("record 17 of `") && error.contains("leaf"), "{error}");
    // Nor is it shipped by a journal that ended cleanly.
    let (_dir, settings) = damaged(true, flip).await;
    let journal = open(&settings);
    assert!(journal.read_after(journal::Cursor(0), 100, 1 << 30).unwrap_err().to_string().contains("record 17 of `"));
}
