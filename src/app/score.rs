//! `celosia eval --model`: how many verified questions the configured model answers as their statements do.
//!
//! Each is asked by the way of `ask`, and the verified statement itself is kept from the model. Right is an answer with the same rows
//! in whatever order, the columns in the same order, whatever they are called.

use super::Failure;
use crate::model::Principal;
use crate::query::{Answer, AskRequest, Engine, QueryRequest};
use crate::results::render;
use std::fmt;
use std::io::Write;
use tokio_util::sync::CancellationToken;

const CLIENT: &str = "eval";

/// How one question came out.
enum Score {
    Right { repairs: usize },
    Wrong,
    Failed(String),
}

/// Asks all that the caller may see, and prints the score.
pub(super) async fn run(engine: &Engine, principal: &Principal) -> Result<(), Failure> {
    let questions = engine.verified(principal);
    if questions.is_empty() {
        return Err("no verified question is open to this caller".into());
    }
    let mut out = std::io::stdout();
    let (mut right, mut repairs) = (0, 0);
    for question in &questions {
        let request =
            QueryRequest { sql: question.sql.clone(), client: CLIENT.into(), ..Default::default() };
        let verified = Box::pin(engine.query(principal, request, CancellationToken::new())).await;
        let verified = verified.map_err(|error| format!("{}: {error}", question.name))?;
        let request = AskRequest {
            question: question.question.clone(),
            withheld: Some(question.name.clone()),
            client: CLIENT.into(),
            ..AskRequest::default()
        };
        let score = match Box::pin(engine.ask(principal, request, CancellationToken::new())).await {
            Ok(asked) if rows(&asked.answer)? == rows(&verified)? => {
                Score::Right { repairs: asked.repairs }
            }
            Ok(_) => Score::Wrong,
            Err(error) => Score::Failed(error.message),
        };
        if let Score::Right { repairs: some } = score {
            (right, repairs) = (right + 1, repairs + some);
        }
        writeln!(out, "{score}  {}", question.name)?;
    }
    let (count, percent) = (questions.len(), 100.0 * f64::from(right) / questions.len() as f64);
    writeln!(
        out,
        "{right} of {count} verified questions ({percent:.1} %) have the same rows, after {repairs} repairs"
    )?;
    Ok(())
}

/// The rows, whatever their order.
fn rows(answer: &Answer) -> Result<Vec<String>, Failure> {
    let rendered = render(&answer.page)?;
    let rows = rendered.structured["rows"].as_array().cloned().unwrap_or_default();
    let mut lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    lines.sort();
    Ok(lines)
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Score::Right { repairs: 0 } => f.write_str("right   "),
            Score::Right { repairs } => write!(f, "right    ({repairs} repairs)"),
            Score::Wrong => f.write_str("WRONG    (other rows)"),
            Score::Failed(why) => write!(f, "FAILED   ({why})"),
        }
    }
}
