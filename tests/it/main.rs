//! The stories of toolgate on real servers, a module each. `peers` starts the servers; nothing here imitates one.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod hang_up;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod init;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod modes;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod operate;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod sidecar;
#[cfg(test)]
mod single_use;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod table;
#[cfg(test)]
mod trail;
