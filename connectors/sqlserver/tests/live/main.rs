//! The connector over the wire: a TDS server of our own in front of answers from a list.

mod connecting;
mod faults;
mod sessions;
mod support;
mod values;
mod volume;
