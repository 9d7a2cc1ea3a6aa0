//! The file of a Unix socket: its mode, a stale one before it, and its end.

use rustix::fs::{CWD, Mode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::PathBuf;
use tokio::net::UnixListener;

/// The socket's file, removed with the listener unless another has taken its place.
#[derive(Debug)]
pub(super) struct Path {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for Path {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|now| now == self.inode) {
            // Nothing is lost if it stays: the next start replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The error says what the system said and what to do.
pub(super) fn bind(path: &std::path::Path, mode: u32) -> Result<(UnixListener, Path), (io::Error, &'static str)> {
    make_room(path)?;
    let open = || {
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        // The mode is set before anybody can connect: a socket that does not listen yet refuses.
        rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(mode), rustix::fs::AtFlags::empty())?;
        rustix::net::listen(&socket, i32::try_from(super::BACKLOG).unwrap_or(i32::MAX))?;
        let file = Path { path: path.to_owned(), inode: inode(path)? };
        Ok((UnixListener::from_std(StdListener::from(socket))?, file))
    };
    open().map_err(|cause: io::Error| (cause, "the folder must exist and be writable for toolgate"))
}

fn make_room(path: &std::path::Path) -> Result<(), (io::Error, &'static str)> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err((error, "make the path readable for toolgate")),
        Ok(found) if !found.file_type().is_socket() => {
            return Err((io::ErrorKind::AlreadyExists.into(), "something that is no socket is there: remove it or choose another path"));
        }
        Ok(_) => {}
    }
    match StdStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|cause| (cause, "a stale socket is there: remove it"))
        }
        Ok(_) => Err((io::ErrorKind::AddrInUse.into(), "another process listens there: end it or choose another path")),
        Err(error) => Err((error, "a socket is there that cannot be tried: remove it or choose another path")),
    }
}

fn inode(path: &std::path::Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
