//! The connector over the wire: a TDS server of our own in front of answers from a list.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod connecting;
mod described;
mod faults;
mod identity;
mod privileges;
mod sessions;
mod splits;
mod spoiled;
mod support;
mod values;
mod volume;
