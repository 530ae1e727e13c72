//! The id of a message that is too long to be kept.
//!
//! A client waits for an answer with its id. The scanner follows the structure of the JSON as it streams
//! by, and remembers only the member `id` of the outermost object.

use rmcp::model::RequestId;

/// Bytes of a name or value that are kept; ids are shorter.
const KEPT: usize = 256;

/// Follows one message, piece by piece.
#[derive(Debug, Default)]
pub(super) struct IdScanner {
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The name or plain value at the outermost level that is being read.
    word: Vec<u8>,
    at_id: bool,
    found: Option<RequestId>,
}

impl IdScanner {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.in_string {
                self.keep(*byte);
                match *byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                self.structure(*byte);
            }
        }
    }

    /// The id, if the message had one.
    pub(super) fn id(self) -> Option<RequestId> {
        self.found
    }

    fn structure(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.end_of_value();
                self.depth = self.depth.saturating_sub(1);
            }
            b',' => self.end_of_value(),
            b':' if self.depth == 1 => {
                self.at_id = self.word == b"\"id\"";
                self.word.clear();
            }
            _ if byte.is_ascii_whitespace() => {}
            _ => self.keep(byte),
        }
    }

    fn end_of_value(&mut self) {
        if self.depth == 1 {
            if self.at_id && self.found.is_none() {
                self.found = serde_json::from_slice(&self.word).ok();
            }
            self.at_id = false;
            self.word.clear();
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.word.len() < KEPT {
            self.word.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(message: &str) -> Option<RequestId> {
        let mut whole = IdScanner::default();
        whole.push(message.as_bytes());
        let mut bytes = IdScanner::default();
        message.as_bytes().iter().for_each(|byte| bytes.push(&[*byte]));
        let id = whole.id();
        assert_eq!(id, bytes.id());
        id
    }

    #[test]
    fn the_outermost_id_is_found_wherever_it_is() {
        let number = Some(RequestId::Number(7));
        let text = Some(RequestId::String("a\"}b".into()));
        assert_eq!(id_of(r#"{"jsonrpc":"2.0","id": 7 ,"method":"x"}"#), number);
        assert_eq!(id_of(r#"{"params":{"id":1,"a":[{"id":2}],"s":"\"id\":3,"},"id":7}"#), number);
        assert_eq!(id_of(r#"{"id":"a\"}b","params":{}}"#), text);
    }

    #[test]
    fn there_may_be_none() {
        for message in [
            "",
            "garbage",
            "}}}]]",
            r#"{"method":"x"}"#,
            r#"{"id":{"id":7}}"#,
            r#"{"id":null}"#,
            r#"[{"id":7}]"#,
            r#"{"x":"id","y":7}"#,
        ] {
            assert_eq!(id_of(message), None, "{message}");
        }
    }
}
