//! The stories of toolgate on real servers, a module each. `peers` starts the servers; nothing here imitates one.

#[cfg(test)]
mod deploy;
#[cfg(test)]
mod peers;
