//! Who is calling: evidence (certificate chain, bearer token, local peer) to a `Principal`, which may be unidentified and says why.
//!
//! Knows SPIFFE ids, X.509-SVIDs, bearer tokens and the rule for a call's tenant. Knows no socket, file or clock: bytes and the
//! instant come in as arguments. Whether an unidentified caller may go on is the table's matter (`enforcement`).

mod anchors;
mod bearer;
mod issuers;
pub mod jws;
mod principal;
mod spiffe;
mod svid;
mod tenant;
mod unidentified;

pub use anchors::{AnchorProblem, Anchors};
pub use bearer::{Actor, BadToken, User, bearer_token, verify_bearer};
pub use issuers::{Algorithm, IssuerProblem, IssuerSettings, Issuers};
pub use principal::{Evidence, LocalSubject, Principal, identify};
pub use spiffe::{BadSpiffeId, SpiffeId, TrustDomain, Workload};
pub use svid::{Leaf, Svid, verify_svid, verify_upstream_svid};
pub use tenant::{BadTenant, Disagreement, Tenant, TenantProblem, TenantRules, TenantSettings, tenant};
pub use unidentified::{Unidentified, WrongPeer};
