//! The connector over servers of Oracle's protocol that answer from a list, or do wrong on purpose.

mod faults;
mod login;
mod privileges;
mod sessions;
mod splits;
mod spoiled;
mod support;
mod values;
