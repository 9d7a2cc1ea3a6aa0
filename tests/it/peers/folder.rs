//! A folder of one test. It goes with the test, and stays, with its path printed, when the test fails.

use std::path::{Path, PathBuf};

/// Removed on drop unless the thread is panicking. Its path is short enough for Unix sockets.
pub(crate) struct Folder(Option<tempfile::TempDir>);

impl Folder {
    /// A new empty folder whose name starts with `name`.
    pub(crate) fn new(name: &str) -> Folder {
        Folder(Some(tempfile::Builder::new().prefix(&format!("toolgate-{name}-")).tempdir().unwrap()))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }

    /// Writes a file, with the folders above it, and says where.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = self.0.take()
            && std::thread::panicking()
        {
            eprintln!("kept for a look: {}", folder.keep().display());
        }
    }
}
