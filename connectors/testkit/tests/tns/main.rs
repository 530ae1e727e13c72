//! The Oracle double, driven by Oracle's own driver.

mod faults;
mod login;
mod rows;
mod statements;
mod support;
mod values;
