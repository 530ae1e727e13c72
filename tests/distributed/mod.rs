//! Statements that run in other processes: the same answers, the same silence, and nothing left behind.

mod inside;
mod known;
mod leaks;
mod lost;
mod nodes;
mod outside;
mod split;
mod watch;
