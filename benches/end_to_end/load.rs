//! The load client of the end-to-end measurements. No dependencies: `rustc -O --edition 2024 load.rs`.
//!
//! It starts a server or is told where one listens, waits for its first answer to `tools/list`, and then
//! takes orders from stdin, one line each, and answers each with one line of JSON:
//!
//! ```text
//! run NAME CLIENTS SECONDS CALLS WARM-UP FILE      closed loop: every client waits for its answer
//! quit
//! ```
//!
//! FILE holds one call a line: the arguments as JSON, a tab, how often the marker must occur, a tab, the
//! marker. An answer counts only when it is no error and the marker occurs exactly that often, times the
//! forms in which the server writes its rows (`--copies`); 0 means: it occurs.

mod http;
mod pipe;

use http::Http;
use pipe::Pipe;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, String>;

const USAGE: &str = "load (--http HOST:PORT/PATH | --stdio) [--era 2025-06-18|2026-07-28] [--tool NAME] \
                     [--copies N] [--header 'Name: value']... [-- COMMAND...]";
/// The first protocol version without `initialize`.
const STATELESS: &str = "2026-07-28";
/// How long a server may take to give its first answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long any one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// A client gives up after so many failures in a phase.
const MOST_FAILURES: usize = 20;

#[derive(Clone, Default)]
struct Settings {
    http: Option<(String, String)>,
    era: String,
    tool: String,
    copies: usize,
    headers: Vec<String>,
    command: Vec<String>,
}

fn main() {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(problem) => fail(&format!("{problem}\n{USAGE}")),
    };
    let mut server = None;
    let outcome = session(&settings, &mut server);
    if let Some(server) = server.as_mut() {
        stop(server);
    }
    if let Err(problem) = outcome {
        fail(&problem);
    }
}

fn fail(problem: &str) -> ! {
    println!("{{\"fatal\":{}}}", quoted(problem));
    std::process::exit(1)
}

fn settings(mut words: impl Iterator<Item = String>) -> Outcome<Settings> {
    let mut settings = Settings {
        era: "2025-06-18".into(),
        tool: "query".into(),
        copies: 1,
        ..Settings::default()
    };
    let mut stdio = false;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--stdio" => stdio = true,
            "--http" => {
                let place = value()?;
                let (host, path) = place.split_once('/').unwrap_or((&place, ""));
                settings.http = Some((host.to_string(), format!("/{path}")));
            }
            "--era" => settings.era = value()?,
            "--tool" => settings.tool = value()?,
            "--copies" => settings.copies = value()?.parse().map_err(|_| "--copies: a number")?,
            "--header" => settings.headers.push(value()?),
            "--" => settings.command = words.by_ref().collect(),
            _ => return Err(format!("{word} is not known")),
        }
    }
    match (stdio, settings.http.is_some(), settings.command.is_empty()) {
        (true, false, false) | (false, true, _) => Ok(settings),
        _ => Err("choose --http or --stdio; --stdio needs a command".into()),
    }
}

/// Starts the server, says how long that took, then takes orders.
fn session(settings: &Settings, server: &mut Option<Child>) -> Outcome<()> {
    let began = Instant::now();
    if !settings.command.is_empty() {
        *server = Some(spawn(settings)?);
    }
    let mut wire = None;
    let tools = match &settings.http {
        Some(_) => first_http(settings, server, began)?,
        None => {
            let child = server.as_mut().ok_or("no server")?;
            let (input, output) = (child.stdin.take(), child.stdout.take());
            let mut pipe = Pipe::new(settings, input.ok_or("no pipe")?, output.ok_or("no pipe")?);
            let tools = pipe.hello()?;
            wire = Some(pipe);
            tools
        }
    };
    println!(
        "{{\"start_ms\":{:.2},\"pid\":{},\"tools\":{}}}",
        millis(began.elapsed()),
        server.as_ref().map_or(0, Child::id),
        quoted(&String::from_utf8_lossy(&tools)),
    );
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["quit"] => return Ok(()),
            ["run", name, clients, seconds, calls, warm, file] => {
                let phase = Phase::read(clients, seconds, calls, warm, file)?;
                let began = Instant::now();
                let tally = match wire.as_mut() {
                    Some(pipe) => pipe.phase(&phase)?,
                    None => http_phase(settings, &phase),
                };
                println!("{}", tally.line(name, began.elapsed()));
            }
            _ => return Err(format!("the order {line:?} is not known")),
        }
    }
    Ok(())
}

fn spawn(settings: &Settings) -> Outcome<Child> {
    let mut command = Command::new(&settings.command[0]);
    command.args(&settings.command[1..]);
    if settings.http.is_none() {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
    } else {
        command.stdin(Stdio::null()).stdout(Stdio::null());
    }
    command.spawn().map_err(|error| format!("{}: {error}", settings.command[0]))
}

/// Asks the server to end, and ends it where it does not. Closing a pipe asks too.
fn stop(server: &mut Child) {
    let pid = server.id().to_string();
    let _ = Command::new("kill").args(["-TERM", &pid]).status();
    for _ in 0..50 {
        if let Ok(Some(_)) = server.try_wait() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = server.kill();
    let _ = server.wait();
}

fn first_http(settings: &Settings, server: &mut Option<Child>, began: Instant) -> Outcome<Vec<u8>> {
    loop {
        let error = match Http::connect(settings).and_then(|mut http| http.hello()) {
            Ok(tools) => return Ok(tools),
            Err(error) => error,
        };
        if let Some(server) = server
            && let Ok(Some(status)) = server.try_wait()
        {
            return Err(format!("the server ended: {status}"));
        }
        if began.elapsed() > START_LIMIT {
            return Err(format!("no answer: {error}"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

// ---- what is asked, and what came of it ----

/// A call's arguments, and what its answer must hold.
struct Call {
    arguments: String,
    marker: Vec<u8>,
    times: usize,
}

struct Phase {
    clients: usize,
    limit: Duration,
    calls: usize,
    warm: usize,
    bodies: Vec<Call>,
}

impl Phase {
    fn read(clients: &str, seconds: &str, calls: &str, warm: &str, file: &str) -> Outcome<Self> {
        let number = |text: &str| text.parse::<usize>().map_err(|_| format!("{text}: a number"));
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let mut bodies = Vec::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(arguments), Some(times), Some(marker)) =
                (fields.next(), fields.next(), fields.next())
            else {
                return Err(format!("{file}: a line needs three fields"));
            };
            let (arguments, marker) = (arguments.to_string(), marker.as_bytes().to_vec());
            bodies.push(Call { arguments, marker, times: number(times)? });
        }
        if bodies.is_empty() {
            return Err(format!("{file}: no calls"));
        }
        let seconds: f64 = seconds.parse().map_err(|_| format!("{seconds}: seconds"))?;
        Ok(Self {
            clients: number(clients)?.max(1),
            limit: Duration::from_secs_f64(seconds),
            calls: number(calls)?,
            warm: number(warm)?,
            bodies,
        })
    }

    /// The `turn`th call of a client: every client begins elsewhere, so that keys differ.
    fn call(&self, client: usize, turn: usize) -> &Call {
        &self.bodies[(client * 7_919 + turn) % self.bodies.len()]
    }
}

#[derive(Default)]
struct Tally {
    nanos: Vec<u64>,
    wrong: usize,
    failed: usize,
    bytes: u64,
    /// The first answer, for a closer look.
    sample: Option<Vec<u8>>,
    problem: Option<String>,
    wall: Duration,
}

impl Tally {
    fn count(&mut self, call: &Call, copies: usize, answer: &[u8], took: Duration) {
        self.bytes += answer.len() as u64;
        let found = occurrences(answer, &call.marker);
        let right = if call.times == 0 { found > 0 } else { found == call.times * copies };
        if right && occurrences(answer, b"\"isError\":true") == 0 {
            self.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            if self.sample.is_none() {
                self.sample = Some(answer.to_vec());
            }
            return;
        }
        self.wrong += 1;
        self.problem.get_or_insert_with(|| {
            let shown = String::from_utf8_lossy(&answer[..answer.len().min(600)]).into_owned();
            let marker = String::from_utf8_lossy(&call.marker);
            format!("{marker:?} occurs {found} times, not {} x {copies}: {shown}", call.times)
        });
    }

    fn failure(&mut self, problem: String) {
        self.failed += 1;
        self.problem.get_or_insert(problem);
    }

    fn merge(&mut self, other: Tally) {
        self.nanos.extend(other.nanos);
        self.wrong += other.wrong;
        self.failed += other.failed;
        self.bytes += other.bytes;
        self.sample = self.sample.take().or(other.sample);
        self.problem = self.problem.take().or(other.problem);
        self.wall = self.wall.max(other.wall);
    }

    fn line(mut self, name: &str, whole: Duration) -> String {
        self.nanos.sort_unstable();
        let answers = self.nanos.len();
        let at = |part: f64| match answers {
            0 => 0.0,
            _ => self.nanos[((answers - 1) as f64 * part).round() as usize] as f64 / 1e6,
        };
        let wall = self.wall.as_secs_f64();
        format!(
            "{{\"name\":{},\"answers\":{answers},\"wrong\":{},\"failed\":{},\"per_second\":{:.1},\
             \"p50_ms\":{:.4},\"p95_ms\":{:.4},\"p99_ms\":{:.4},\"min_ms\":{:.4},\"max_ms\":{:.4},\
             \"bytes\":{},\"wall_s\":{wall:.3},\"whole_s\":{:.3},\"sample\":{},\"problem\":{}}}",
            quoted(name),
            self.wrong,
            self.failed,
            if wall > 0.0 { answers as f64 / wall } else { 0.0 },
            at(0.5),
            at(0.95),
            at(0.99),
            at(0.0),
            at(1.0),
            self.bytes / (answers + self.wrong).max(1) as u64,
            whole.as_secs_f64(),
            quoted(&String::from_utf8_lossy(&self.sample.take().unwrap_or_default())),
            self.problem.as_deref().map_or("null".to_string(), quoted),
        )
    }
}

// ---- messages ----

fn initialize(settings: &Settings, id: u64) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"initialize\",\"params\":{{\"protocolVersion\":\"{}\",\
         \"capabilities\":{{}},\"clientInfo\":{{\"name\":\"load\",\"version\":\"1\"}}}}}}",
        settings.era
    )
}

const INITIALIZED: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";

/// What every request of the stateless era says about its client.
fn meta(settings: &Settings) -> String {
    if settings.era != STATELESS {
        return String::new();
    }
    let prefix = "io.modelcontextprotocol/";
    format!(
        "\"_meta\":{{\"{prefix}protocolVersion\":\"{}\",\"{prefix}clientInfo\":{{\"name\":\"load\",\
         \"version\":\"1\"}},\"{prefix}clientCapabilities\":{{}}}}",
        settings.era
    )
}

fn list(settings: &Settings, id: u64) -> String {
    let meta = meta(settings);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/list\",\"params\":{{{meta}}}}}")
}

fn call(settings: &Settings, id: u64, arguments: &str) -> String {
    let meta = meta(settings);
    let comma = if meta.is_empty() { "" } else { "," };
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"{}\",\
         \"arguments\":{arguments}{comma}{meta}}}}}",
        settings.tool
    )
}

// ---- HTTP ----

fn http_phase(settings: &Settings, phase: &Phase) -> Tally {
    let (ready, done) = (Barrier::new(phase.clients), AtomicUsize::new(0));
    let mut whole = Tally::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..phase.clients)
            .map(|client| {
                let (ready, done) = (&ready, &done);
                scope.spawn(move || http_client(settings, phase, client, ready, done))
            })
            .collect();
        for client in clients {
            match client.join() {
                Ok(tally) => whole.merge(tally),
                Err(_) => whole.failure("a client panicked".into()),
            }
        }
    });
    whole
}

fn http_client(
    settings: &Settings,
    phase: &Phase,
    client: usize,
    ready: &Barrier,
    done: &AtomicUsize,
) -> Tally {
    let mut tally = Tally::default();
    let opened = Http::connect(settings).and_then(|mut http| http.open().map(|()| http));
    let mut http = match opened {
        Ok(mut http) => {
            for turn in 0..phase.warm {
                let _ = http.call(&phase.call(client, turn).arguments);
            }
            Some(http)
        }
        Err(problem) => {
            tally.failure(problem);
            None
        }
    };
    ready.wait();
    let began = Instant::now();
    let mut turn = phase.warm;
    while let Some(connection) = http.as_mut() {
        let over = began.elapsed() >= phase.limit || tally.failed >= MOST_FAILURES;
        if over || done.fetch_add(1, Ordering::Relaxed) >= phase.calls {
            break;
        }
        let asked = phase.call(client, turn);
        turn += 1;
        match connection.call(&asked.arguments) {
            Ok((answer, took)) => tally.count(asked, settings.copies, &answer, took),
            Err(problem) => {
                tally.failure(problem);
                http = Http::connect(settings).and_then(|mut http| http.open().map(|()| http)).ok();
            }
        }
    }
    tally.wall = began.elapsed();
    tally
}

// ---- stdio ----

/// The id of an answer: at the start of the line or, for servers that put it last, at its end. Rows
/// come in between and could hold anything.
fn answered(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"id\":";
    let head = &line[..line.len().min(64)];
    let tail = &line[line.len().saturating_sub(64)..];
    let start = |part: &[u8], at: usize| {
        let digits: Vec<u8> =
            part[at + KEY.len()..].iter().copied().take_while(u8::is_ascii_digit).collect();
        String::from_utf8(digits).ok()?.parse().ok()
    };
    let first = head.windows(KEY.len()).position(|window| window == KEY);
    let last = tail.windows(KEY.len()).rposition(|window| window == KEY);
    first.and_then(|at| start(head, at)).or_else(|| last.and_then(|at| start(tail, at)))
}

// ---- text ----

fn occurrences(text: &[u8], part: &[u8]) -> usize {
    let Some((&first, rest)) = part.split_first() else { return 0 };
    let (mut count, mut at) = (0, 0);
    while let Some(found) = text[at..].iter().position(|&byte| byte == first) {
        at += found + 1;
        if text[at..].starts_with(rest) {
            count += 1;
            at += rest.len();
        }
    }
    count
}

fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                json.push('\\');
                json.push(c);
            }
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", c as u32);
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
