//! Whose tenant a call is: the route's, else the table's, else the user token's, else `default`. Never a header's.

use crate::principal::Principal;
use crate::spiffe::{SpiffeId, TrustDomain};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

const TENANT_BYTES_MAX: usize = 128;

/// A tenant's name: 1 to 128 of `A-Z a-z 0-9 . _ : @ -`, the first a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(String);

impl Tenant {
    /// Parses a name.
    ///
    /// # Errors
    /// `BadTenant`.
    pub fn parse(name: &str) -> Result<Self, BadTenant> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'@' | b'-');
        let begins_well = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if begins_well && name.len() <= TENANT_BYTES_MAX && name.bytes().all(allowed) { Ok(Self(name.to_owned())) } else { Err(BadTenant) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// `default`: of a call that nothing says anything else of.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a tenant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name is 1 to {TENANT_BYTES_MAX} of `A-Z`, `a-z`, `0-9`, `.`, `_`, `:`, `@` and `-`, the first a letter or digit")]
pub struct BadTenant;

/// The config's table, in the order it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TenantSettings {
    /// From a SPIFFE id, or all below one (`spiffe://example.org/ns/shop/*`), to the tenant.
    pub table: BTreeMap<String, String>,
}

/// The table, parsed.
#[derive(Debug, Clone, Default)]
pub struct TenantRules {
    exact: BTreeMap<SpiffeId, Tenant>,
    /// Each ends in a slash.
    below: BTreeMap<String, Tenant>,
}

impl TenantRules {
    /// Parses the table.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn build(settings: &TenantSettings) -> Result<Self, Vec<TenantProblem>> {
        let (mut rules, mut problems) = (Self::default(), Vec::new());
        for (pattern, tenant) in &settings.table {
            if let Err(why) = rules.add(pattern, tenant) {
                problems.push(TenantProblem { pattern: pattern.clone(), why });
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn add(&mut self, pattern: &str, tenant: &str) -> Result<(), String> {
        let tenant = Tenant::parse(tenant).map_err(|bad| bad.to_string())?;
        match pattern.strip_suffix("/*") {
            None => drop(self.exact.insert(SpiffeId::parse(pattern).map_err(|bad| bad.to_string())?, tenant)),
            Some(prefix) => {
                let domain = prefix.strip_prefix("spiffe://").unwrap_or_default();
                if TrustDomain::parse(domain).is_err() {
                    SpiffeId::parse(prefix).map_err(|bad| bad.to_string())?;
                }
                self.below.insert(format!("{prefix}/"), tenant);
            }
        }
        Ok(())
    }

    /// The exact entry, else the longest prefix.
    fn of(&self, id: &SpiffeId) -> Option<&Tenant> {
        let below = || self.below.iter().filter(|(prefix, _)| id.as_str().starts_with(prefix.as_str()));
        self.exact.get(id).or_else(|| below().max_by_key(|(prefix, _)| prefix.len()).map(|(_, tenant)| tenant))
    }
}

/// A mistake in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` in the table of tenants: {why}")]
pub struct TenantProblem {
    /// The entry's key.
    pub pattern: String,
    /// What is wrong.
    pub why: String,
}

/// The tenant of a call.
///
/// # Errors
/// Two sources that disagree, or a name that is none: an error decision, which no permission lifts.
pub fn tenant(route: Option<&Tenant>, rules: &TenantRules, principal: &Principal) -> Result<Tenant, Disagreement> {
    let table = principal.workload.as_ref().ok().and_then(|workload| rules.of(&workload.id));
    let claim = principal.user.as_ref().and_then(|user| user.tenant.as_deref()).map(Tenant::parse).transpose();
    let claim = claim.map_err(|_| Disagreement::Unusable)?;
    let mut said = [("route", route), ("table", table), ("token", claim.as_ref())].into_iter().filter_map(|(who, said)| Some((who, said?)));
    let Some((first, tenant)) = said.next() else { return Ok(Tenant::default()) };
    match said.find(|(_, other)| *other != tenant) {
        None => Ok(tenant.clone()),
        Some((other, _)) => Err(Disagreement::Between { first, other }),
    }
}

/// The tenant is not clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Two sources name different tenants.
    #[error("the tenant of this call is not clear: its {first} and its {other} name different ones")]
    Between {
        /// The source that goes first.
        first: &'static str,
        /// The one that contradicts it.
        other: &'static str,
    },
    /// The token's claim is not a tenant's name.
    #[error("the tenant of this call is not clear: the claim of the user token is not a tenant's name")]
    Unusable,
}

impl Disagreement {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "toolgate.identity.tenant"
    }
}

#[cfg(test)]
mod tests;
