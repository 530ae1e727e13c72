//! What to say to bytes that are no message of the protocol.

use rmcp::ErrorData;
use rmcp::model::{JsonRpcError, RequestId};
use serde_json::Value as Json;

/// The JSON-RPC error that answers `bytes`, which could not be read as a message.
pub(super) fn error_for(bytes: &[u8]) -> JsonRpcError {
    if std::str::from_utf8(bytes).is_err() {
        return parse_error("the message is not UTF-8");
    }
    match serde_json::from_slice::<Json>(bytes) {
        Err(_) => parse_error("the message is not JSON"),
        Ok(Json::Array(_)) => {
            invalid_request(None, "batches are not served; send one message at a time")
        }
        Ok(value) => {
            let id = serde_json::from_value(value["id"].clone()).ok();
            invalid_request(id, "the message is not a JSON-RPC 2.0 request of this protocol")
        }
    }
}

/// A message that is larger than the server reads.
pub(super) fn too_large(limit: usize, id: Option<RequestId>) -> JsonRpcError {
    invalid_request(id, &format!("the message is larger than {limit} bytes; send a smaller one"))
}

/// An error about a message as a whole.
pub(super) fn invalid_request(id: Option<RequestId>, message: &str) -> JsonRpcError {
    JsonRpcError::new(id, ErrorData::invalid_request(message.to_owned(), None))
}

fn parse_error(message: &'static str) -> JsonRpcError {
    JsonRpcError::new(None, ErrorData::parse_error(message, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::ErrorCode;

    #[test]
    fn each_kind_of_garbage_has_its_error() {
        for (bytes, code) in [
            (&b"\xff\xfe{}"[..], ErrorCode::PARSE_ERROR),
            (b"{\"jsonrpc\":", ErrorCode::PARSE_ERROR),
            (b"hello", ErrorCode::PARSE_ERROR),
            (b"", ErrorCode::PARSE_ERROR),
            (b"[]", ErrorCode::INVALID_REQUEST),
            (b"7", ErrorCode::INVALID_REQUEST),
            (b"{\"id\":1}", ErrorCode::INVALID_REQUEST),
        ] {
            assert_eq!(error_for(bytes).error.code, code, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_id_that_can_be_read_is_answered() {
        let error = error_for(b"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":7}");
        assert_eq!(error.id, Some(RequestId::String("a".into())));
        assert_eq!(error_for(b"{\"id\":{}}").id, None);
    }
}
