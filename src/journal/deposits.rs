//! Deposited permissions in memory, by the call that they wait for: a call's look-up never touches the disk.
//!
//! INVARIANT: it changes after the commit that changed the table, never before.

use crate::entry::{Binding, Claim, Deposit, Put};
use canon::{Keyed, Micros};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Deposits(Mutex<HashMap<Binding, Vec<Deposit>>>);

impl Deposits {
    pub(crate) fn new(deposits: impl IntoIterator<Item = Deposit>) -> Self {
        let index = Self::default();
        deposits.into_iter().for_each(|deposit| index.put(deposit));
        index
    }

    /// Those that wait for this call and have not ended; exact ones first.
    pub(crate) fn find(&self, binding: &Binding, digest: &Keyed, at: Micros) -> Vec<Deposit> {
        let index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = index.get(binding) else { return Vec::new() };
        let exact = digest.to_string();
        let fits =
            |wanted: &str| waiting.iter().filter(|deposit| deposit.exp > at && deposit.arguments_digest == wanted).cloned().collect();
        let mut found: Vec<_> = fits(&exact);
        found.append(&mut fits("*"));
        found
    }

    /// An entry is on the disk: spent permissions wait no more, new ones do.
    pub(crate) fn changed(&self, claims: &[Claim], puts: Vec<Put>) {
        for claim in claims {
            self.remove(&claim.iss, &claim.jti);
        }
        for put in puts {
            match put {
                Put::Deposit(deposit) => self.put(deposit),
                Put::Refusal(_) | Put::Redaction(_) => {}
            }
        }
    }

    fn put(&self, deposit: Deposit) {
        self.remove(&deposit.iss, &deposit.jti);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(deposit.binding.clone()).or_default().push(deposit);
    }

    fn remove(&self, iss: &str, jti: &str) {
        self.keep(|deposit| deposit.iss != iss || deposit.jti != jti);
    }

    pub(crate) fn expire(&self, at: Micros) {
        self.keep(|deposit| deposit.exp > at);
    }

    pub(crate) fn all(&self) -> Vec<Deposit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect()
    }

    fn keep(&self, which: impl Fn(&Deposit) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, waiting| {
            waiting.retain(&which);
            !waiting.is_empty()
        });
    }
}
