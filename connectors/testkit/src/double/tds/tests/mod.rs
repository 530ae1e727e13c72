//! The double as a client sees it that knows nothing but the protocol's frames.

mod answers;
mod client;
mod doors;
mod faults;
mod values;
