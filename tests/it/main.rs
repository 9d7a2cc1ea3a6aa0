//! The stories of toolgate on real servers, a module each. `peers` starts the servers; nothing here imitates one.

#[cfg(test)]
mod canaries;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod sidecar;
#[cfg(test)]
mod single_use;
#[cfg(test)]
mod trail;
