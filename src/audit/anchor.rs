//! The chain's head, kept where whoever holds the store does not reach: a file or a command of the administrator's.
//!
//! A chain shows what was altered within it. That its end was cut off shows only somebody who remembers the end.

use super::proof::{Signed, Statement};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where heads are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// A file that is appended to and synced.
    File(PathBuf),
    /// A program and its arguments; it gets one line on its standard input.
    Command(Vec<String>),
}

impl Anchor {
    pub(super) async fn keep(&self, signed: &Signed) -> Result<(), String> {
        let line = signed.line() + "\n";
        match self {
            Anchor::File(path) => {
                let path = path.clone();
                let kept = tokio::task::spawn_blocking(move || append(&path, &line)).await;
                kept.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
            }
            Anchor::Command(command) => {
                match tokio::time::timeout(PATIENCE, run(command, &line)).await {
                    Ok(done) => done,
                    Err(_) => Err("the command did not end in time".to_string()),
                }
            }
        }
    }
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // A line that a sudden end left unfinished must not run into this one.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let begin = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{begin}{line}").as_bytes())?;
    file.sync_data()
}

async fn run(command: &[String], line: &str) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("the command is empty".to_string());
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| e.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // A command that reads nothing may close its input; its exit says whether it kept the line.
        let _ = input.write_all(line.as_bytes()).await;
    }
    let status = child.wait().await.map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the command ended with {status}")) }
}

/// The heads in an anchor's text, in order; a line that is none is an error, but for an unfinished last one.
pub(super) fn read(text: &str) -> Result<Vec<(Signed, Statement)>, String> {
    let mut heads = Vec::new();
    let whole = text.ends_with('\n');
    let count = text.lines().count();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = Signed::of_line(line).and_then(|signed| Some((signed.read(None)?, signed)));
        match read {
            Some((statement, signed)) => heads.push((signed, statement)),
            None if index + 1 == count && !whole => {}
            // An end that came suddenly leaves a piece; what follows it began a line of its own.
            None if !line.trim_end().ends_with('}') && line.starts_with('{') => {}
            None => return Err(format!("line {} of the anchor is no head", index + 1)),
        }
    }
    Ok(heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::store::Head;

    fn signed(seq: u64) -> Signed {
        let head = Head { chain: "main".into(), count: seq, hash: [1; 32] };
        Signed::of(&Statement::checkpoint(&head, seq, 10), None)
    }

    #[tokio::test]
    async fn heads_are_appended_and_a_torn_line_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("anchor");
        let anchor = Anchor::File(path.clone());
        anchor.keep(&signed(1)).await.expect("kept");
        let torn = std::fs::read_to_string(&path).expect("text") + "{\"kind\":\"checkp";
        std::fs::write(&path, torn).expect("written");
        assert_eq!(read(&std::fs::read_to_string(&path).expect("text")).expect("heads").len(), 1);
        anchor.keep(&signed(2)).await.expect("kept");
        let heads = read(&std::fs::read_to_string(&path).expect("text")).expect("heads");
        assert_eq!(heads.iter().map(|(_, s)| s.seq).collect::<Vec<_>>(), [1, 2]);
        assert!(read("nonsense\n").is_err());
    }

    #[tokio::test]
    async fn a_command_gets_the_head_and_its_failure_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("kept");
        let shell = |text: String| Anchor::Command(vec!["sh".into(), "-c".into(), text]);
        shell(format!("cat >> '{}'", path.display())).keep(&signed(5)).await.expect("kept");
        let heads = read(&std::fs::read_to_string(&path).expect("text")).expect("heads");
        assert_eq!(heads[0].1.seq, 5);
        assert!(shell("exit 3".into()).keep(&signed(6)).await.is_err());
        assert!(Anchor::Command(vec!["/no/such/program".into()]).keep(&signed(6)).await.is_err());
    }
}
