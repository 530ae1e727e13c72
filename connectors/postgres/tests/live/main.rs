//! The connector against a real server. Without one the tests say so and pass, unless
//! `CELOSIA_REQUIRE_SOURCES` names `postgres`.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod copied;
mod governed;
mod identity;
mod privileges;
mod sessions;
mod splits;
mod spoiled;
mod support;
mod values;
