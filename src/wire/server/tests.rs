//! The server over real sockets. What is slow or too large here is so by the limits of each test.

mod bodies;
mod drain;
mod framing;
mod identity;
mod limits;
mod local;
