//! The journal on a real disk: what it promises, and what is left when something fails.

#[cfg(test)]
mod budget;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deadline;
#[cfg(test)]
mod noted;
#[cfg(test)]
mod start;
#[cfg(test)]
mod trail;
