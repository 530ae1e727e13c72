//! Who calls: the user of the machine over stdio; over HTTP the holder of an API key, of an identity provider's
//! token or of a client's certificate, or whom a trusted proxy names. A [`Principal`] is established here and nowhere else.

mod bearer;
mod certificate;
mod keys;
mod local;
mod oidc;
mod proxy;
mod roles;

pub use bearer::{AuthError, Authenticator, Sent};
pub use certificate::{CertificateFacts, CertificateRefusal, Certificates};
pub use keys::{ApiKeys, GeneratedKey, KeysError, generate_key, keys_schema};
pub use local::establish_local;
pub use oidc::{Explanation, Refusal, Tokens};
pub use proxy::{Peer, Proxies};
pub use roles::RoleMap;

#[cfg(doc)]
use crate::model::Principal;
