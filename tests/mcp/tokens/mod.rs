//! Tokens of identity providers, against the real server: who is let in, who is told what, and what holds
//! when a provider changes its keys, lies or is gone.

mod cases;
mod explain;
mod people;
mod provider;
mod trust;
