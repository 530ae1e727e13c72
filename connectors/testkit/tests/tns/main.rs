//! The Oracle double, driven by Oracle's own driver.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod faults;
mod login;
mod rows;
mod statements;
mod support;
mod values;
