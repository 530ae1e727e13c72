//! Servers that speak SQL Server's and Oracle's protocol over real sockets, for tests.
//!
//! A double is a wire server ([`tds`], [`tns`]) in front of an [`engine`] that runs the SQL text it is
//! sent. The engines ([`tsql`], [`plsql`]) translate their dialect to PostgreSQL and keep a catalog of
//! the types that the dialect declared; a [`canned`] engine answers from a list,
//! an [`echo`] gives back what it was bound. What a double was sent
//! is kept in its [`record`].

pub mod canned;
pub mod certificate;
pub mod echo;
pub mod engine;
pub mod fault;
pub mod plsql;
pub mod postgres;
pub mod record;
pub mod tds;
pub mod tns;
pub mod tsql;
