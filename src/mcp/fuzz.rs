//! What a fuzzer drives: the reader of frames over stdio. A broken promise is a panic.

use super::stdio::{MAX_LINE_BYTES, QUEUE, read};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// Every line is passed on, answered by one line of JSON, or a notification that comes too early.
///
/// # Panics
/// Where a line is lost or answered twice, or where an answer is no JSON-RPC error.
pub fn frames(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (answers, passed) = runtime.block_on(async {
        let output = Arc::new(Mutex::new(Some(Vec::new())));
        let (messages, mut incoming) = mpsc::channel(QUEUE);
        let count = async {
            let mut count = 0;
            while incoming.recv().await.is_some() {
                count += 1;
            }
            count
        };
        let ((), passed) = tokio::join!(read(data, output.clone(), messages), count);
        let answers = output.lock().await.take().unwrap_or_default();
        (answers, passed)
    });
    let answers: Vec<_> = answers.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).collect();
    for answer in &answers {
        let said: serde_json::Value = serde_json::from_slice(answer).expect("an answer is JSON");
        assert!(said["error"]["code"].is_i64(), "{said}");
    }
    let (wrong, right) = expected(data);
    assert_eq!((answers.len(), passed), (wrong, right), "each line has one fate");
}

/// How many lines are to be answered, and how many to be passed on.
fn expected(data: &[u8]) -> (usize, usize) {
    let (mut wrong, mut right, mut started) = (0, 0, false);
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        match serde_json::from_slice::<ClientJsonRpcMessage>(text) {
            Ok(message) if line.len() <= MAX_LINE_BYTES => {
                started |= matches!(message, JsonRpcMessage::Request(_));
                right += usize::from(started);
            }
            _ => wrong += 1,
        }
    }
    (wrong, right)
}
