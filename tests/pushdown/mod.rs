//! What runs at a source gives the answer that the engine gives: every entry of every dialect's list
//! over rows with extremes, and whole statements, with the SQL that they become.

mod across;
mod cases;
pub(crate) mod fixture;
mod joins;
mod plans;
mod spelled;
mod splits;
mod statements;
mod unfit;
