//! An endpoint of OpenAI's protocol on loopback: a small HTTP server that says what a test tells it to, and remembers what it was
//! asked.

use serde_json::{Value as Json, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Does {
    /// Says a text, as a model does.
    Says(String),
    /// Says a text when it is told to go on.
    SaysWhenTold(String),
    /// Gives each text that it is sent a vector.
    Embeds(fn(&str) -> Vec<f64>),
    /// Answers with a status, headers and a body.
    Answers(u16, &'static str, String),
    /// Says nothing until the other side hangs up.
    Stalls,
    /// Hangs up.
    HangsUp,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub path: String,
    pub head: String,
    pub body: Json,
}

/// The server. It lasts as long as the process.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Does>,
    heard: Vec<Heard>,
    hung_up: usize,
    /// How many texts it may say that it keeps until it is told.
    told: usize,
}

impl Endpoint {
    /// One that does these things, one after the other, and the last of them for ever.
    pub fn new(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = Self { address, state: Arc::default() };
        endpoint.does(script);
        let served = endpoint.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                // A caller that goes away in the middle is no failure of the test.
                std::thread::spawn(move || served.serve(stream).ok());
            }
        });
        endpoint
    }

    /// A model that says these texts.
    pub fn saying(texts: &[&str]) -> Self {
        Self::new(texts.iter().map(|text| Does::Says((*text).to_string())))
    }

    /// From now on it does these things.
    pub fn does(&self, script: impl IntoIterator<Item = Does>) {
        self.locked(|state| state.script = script.into_iter().collect());
    }

    /// What it was asked since the last look.
    pub fn heard(&self) -> Vec<Heard> {
        self.locked(|state| std::mem::take(&mut state.heard))
    }

    /// The URL that methods are put behind.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Waits until a request is there.
    pub fn wait_for_a_request(&self) {
        drop(self.wait(|state| !state.heard.is_empty()));
    }

    /// Waits until so many callers hung up on it.
    pub fn wait_for_hung_up(&self, count: usize) {
        drop(self.wait(|state| state.hung_up >= count));
    }

    /// Tells it to say the next text that it keeps.
    pub fn goes_on(&self) {
        self.locked(|state| state.told += 1);
    }

    fn wait(&self, is: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        const PATIENCE: Duration = Duration::from_secs(60);
        let (state, changed) = &*self.state;
        let state = state.lock().expect("unpoisoned");
        let waited = changed.wait_timeout_while(state, PATIENCE, |state| !is(state));
        let (state, waited) = waited.expect("unpoisoned");
        assert!(!waited.timed_out(), "nothing came");
        state
    }

    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let (state, changed) = &*self.state;
        let done = work(&mut state.lock().expect("unpoisoned"));
        changed.notify_all();
        done
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(given) = line.to_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap_or(0);
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: Json = serde_json::from_slice(&body).unwrap_or_default();
        let path = head.split(' ').nth(1).unwrap_or_default().to_string();
        let does = self.locked(|state| {
            state.heard.push(Heard { path, head, body: body.clone() });
            let next = if state.script.len() > 1 { state.script.pop_front() } else { None };
            next.or_else(|| state.script.front().cloned())
        });
        match does {
            None | Some(Does::HangsUp) => Ok(()),
            Some(Does::Stalls) => {
                // Ends when the other side does.
                let _ = reader.read(&mut [0; 1]);
                self.locked(|state| state.hung_up += 1);
                Ok(())
            }
            Some(Does::SaysWhenTold(text)) => {
                self.wait(|state| state.told > 0).told -= 1;
                answer(&mut stream, 200, "", &said(&text).to_string())
            }
            Some(Does::Says(text)) => answer(&mut stream, 200, "", &said(&text).to_string()),
            Some(Does::Embeds(vector)) => {
                let texts = body["input"].as_array().cloned().unwrap_or_default();
                let data = texts.iter().enumerate().map(|(at, text)| {
                    json!({"index": at, "embedding": vector(text.as_str().unwrap_or_default())})
                });
                // In another order than they were asked in.
                let data: Vec<Json> = data.rev().collect();
                answer(&mut stream, 200, "", &json!({"data": data}).to_string())
            }
            Some(Does::Answers(status, headers, body)) => {
                answer(&mut stream, status, headers, &body)
            }
        }
    }
}

/// The answer of a model that says `text`.
pub fn said(text: &str) -> Json {
    json!({
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"total_tokens": 10},
    })
}

fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}
