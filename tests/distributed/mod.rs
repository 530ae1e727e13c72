//! Statements that run in other processes: the same answers, the same silence, and nothing left behind.

mod apart;
mod budgets;
mod inside;
mod known;
mod leaks;
mod lost;
mod nodes;
mod outside;
mod parts;
mod place;
mod split;
mod watch;
mod worlds;
