//! Who calls: the user of the machine over stdio, the holder of an API key or of an identity provider's
//! token over HTTP. A [`Principal`] is established here and nowhere else.

mod bearer;
mod keys;
mod local;
mod oidc;
mod roles;

pub use bearer::{AuthError, Authenticator};
pub use keys::{ApiKeys, GeneratedKey, KeysError, generate_key, keys_schema};
pub use local::establish_local;
pub use oidc::{Explanation, Refusal, Tokens};
pub use roles::RoleMap;

#[cfg(doc)]
use crate::model::Principal;
