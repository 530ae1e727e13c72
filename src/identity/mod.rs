//! Who calls: the user of the machine over stdio, the holder of an API key over HTTP. A
//! [`Principal`] is established here and nowhere else.

mod bearer;
mod keys;
mod local;
mod roles;

pub use bearer::{AuthError, Authenticator};
pub use keys::{ApiKeys, GeneratedKey, KeysError, generate_key, keys_schema};
pub use local::establish_local;
pub use roles::RoleMap;

#[cfg(doc)]
use crate::model::Principal;
