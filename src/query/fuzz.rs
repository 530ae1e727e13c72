//! What a fuzzer drives: the gate, with any bytes. A broken promise is a panic.

use super::supervise::STACK_BYTES;
use super::{gate, statement::Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Runs `work` where statements are parsed: on a thread with the stack of the planner.
///
/// # Panics
/// Where `work` does.
pub fn on_planning_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        if let Err(panic) = thread.expect("a thread").join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// The gate refuses or takes any text, and what it takes is still taken as it is written anew.
///
/// # Panics
/// Where the gate passes what it would refuse in another spelling, or what it says is not in order.
pub fn statement(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Statement::parse_for(&text, None) {
        Err(error) => assert!(!error.message.is_empty(), "an error says something"),
        Ok(statement) => {
            assert_eq!(statement.fingerprint().len(), 16, "a fingerprint has one length");
            assert!(statement.literals().is_empty(), "no digest without a key");
            let ast = statement.into_ast();
            // The parser does not read all that it writes; what it reads must pass again.
            if let Ok(again) = Parser::parse_sql(&PostgreSqlDialect {}, &ast.to_string()) {
                assert_eq!(again.len(), 1, "one statement stays one: {ast}");
                gate::check(&again[0]).unwrap_or_else(|error| panic!("{ast}: {error:?}"));
            }
        }
    }
}
