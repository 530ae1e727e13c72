//! An error on its way back: what an executor says of a failed statement is what its server would say.
//!
//! The engine in between passes texts on. So the code, the words and the hint travel inside one, between
//! two marks; what has none was not said by an executor of ours.

use super::super::failure;
use crate::error::{Code, Error};
use arrow_schema::ArrowError;
use ballista_core::error::BallistaError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datafusion::common::DataFusionError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const BEGIN: &str = "celosia-error:";
const END: char = ';';

#[derive(Serialize, Deserialize)]
struct Told {
    code: String,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
}

/// Codes that an executor may say.
const CODES: &[Code] = &[
    Code::NotAllowed,
    Code::InvalidStatement,
    Code::Evaluation,
    Code::Source,
    Code::DeadlineExceeded,
    Code::Cancelled,
    Code::ResourceLimit,
    Code::Overloaded,
    Code::LimitReached,
    Code::TooCostly,
    Code::CostlyUnlessAccepted,
    Code::Executors,
    Code::Internal,
];

/// The error as it travels. One of the engine's own (a lost neighbour, a full disk) ends the job, too: the engine
/// would run parts of it again, and the server begins it whole instead.
pub(super) fn told(error: DataFusionError) -> DataFusionError {
    let Some(public) = public(&error) else {
        return DataFusionError::Execution(error.to_string());
    };
    match public.code {
        Code::Source | Code::Internal | Code::Executors => {
            tracing::warn!(code = public.code.as_str(), cause = ?public.source, "a task failed");
        }
        // The engine's words may hold a row's values.
        code => tracing::info!(code = code.as_str(), "a task failed"),
    }
    let told = Told {
        code: format!("{:?}", public.code),
        message: public.message,
        hint: public.hint,
        retry_after: public.retry_after,
    };
    let json = serde_json::to_vec(&told).unwrap_or_default();
    DataFusionError::Execution(format!("{BEGIN}{}{END}", URL_SAFE_NO_PAD.encode(json)))
}

/// What a server would say; `None` for what is about the engine itself.
fn public(error: &DataFusionError) -> Option<Error> {
    match error.find_root() {
        DataFusionError::IoError(_) => None,
        DataFusionError::External(inner) => match inner.downcast_ref::<BallistaError>() {
            Some(BallistaError::DataFusionError(inner)) => public(inner),
            Some(BallistaError::ArrowError(arrow)) => Some(of_arrow(arrow)),
            Some(_) => None,
            None => Some(failure::of_running(error)),
        },
        DataFusionError::ArrowError(arrow, _) => Some(of_arrow(arrow)),
        _ => Some(failure::of_running(error)),
    }
}

/// An error of ours may be inside.
fn of_arrow(error: &ArrowError) -> Error {
    let inner = match error {
        ArrowError::ExternalError(inner) => inner.downcast_ref::<DataFusionError>(),
        _ => None,
    };
    inner.and_then(public).unwrap_or_else(|| failure::of_arrow(error))
}

/// What an executor said, where it is in this text.
pub(super) fn heard(text: &str) -> Option<Error> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (encoded, _) = rest.split_once(END)?;
    let json = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let Told { code, message, hint, retry_after } = serde_json::from_slice(&json).ok()?;
    let known = CODES.iter().find(|known| format!("{known:?}") == code);
    let code = known.copied().unwrap_or(Code::Internal);
    Some(Error { hint, retry_after, ..Error::new(code, message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_in_its_words_through_any_wrapping() {
        let zero = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        let inside = BallistaError::ArrowError(Box::new(ArrowError::DivideByZero));
        let inside = DataFusionError::External(Box::new(inside));
        for zero in [zero.context("far away"), DataFusionError::Shared(inside.into())] {
            let text = format!("Job 7 failed: {:?}", told(zero));
            let heard = heard(&text).unwrap();
            assert_eq!((heard.code, &*heard.message), (Code::Evaluation, "division by zero"));
            assert_eq!(heard.hint.as_deref(), Some("write x / NULLIF(y, 0)"));
        }
        let refused =
            Error::new(Code::CostlyUnlessAccepted, "much").retry_in(Duration::from_secs(3));
        let wrapped = told(DataFusionError::External(Box::new(refused))).to_string();
        let heard = super::heard(&wrapped).unwrap();
        assert_eq!((heard.code, heard.retry_seconds()), (Code::CostlyUnlessAccepted, Some(3)));
        assert!(super::heard("a lost executor").is_none());
    }

    #[test]
    fn what_is_about_the_engine_is_no_error_of_the_statement() {
        let lost = BallistaError::FetchFailed("e".into(), 1, 2, "gone".into());
        let lost = told(DataFusionError::External(Box::new(lost)));
        assert!(matches!(&lost, DataFusionError::Execution(text) if heard(text).is_none()));
    }
}
