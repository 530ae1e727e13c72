//! Lines in a file, synced before they count as delivered. A file that is full is put aside as `name.1`, the one
//! before it as `name.2`, and so on.

use super::Event;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines.
#[derive(Debug, Clone)]
pub(super) struct Jsonl {
    path: PathBuf,
    rotate: u64,
    keep: usize,
}

impl Jsonl {
    pub(super) fn new(path: PathBuf, rotate: u64, keep: usize) -> Self {
        Self { path, rotate, keep }
    }

    pub(super) async fn deliver(&self, events: &[Event]) -> Result<(), String> {
        let lines: Vec<String> = events.iter().map(|event| format!("{}\n", event.line)).collect();
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || this.write(&lines)).await;
        written.map_err(|e| e.to_string())?.map_err(|e| format!("{}: {e}", self.path.display()))
    }

    fn write(&self, lines: &[String]) -> std::io::Result<()> {
        // Held from the first line to the last: two processes that feed one file take turns.
        let lock = options().open(aside(&self.path, "lock"))?;
        lock.lock()?;
        let mut file = open(&self.path)?;
        let mut size = file.metadata()?.len();
        for line in lines {
            if size > 0 && size + line.len() as u64 > self.rotate {
                file.sync_data()?;
                self.put_aside()?;
                file = open(&self.path)?;
                size = 0;
            }
            file.write_all(line.as_bytes())?;
            size += line.len() as u64;
        }
        file.sync_data()
    }

    fn put_aside(&self) -> std::io::Result<()> {
        if self.keep == 0 {
            return std::fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            let from = aside(&self.path, &number.to_string());
            if from.exists() {
                std::fs::rename(from, aside(&self.path, &(number + 1).to_string()))?;
            }
        }
        std::fs::rename(&self.path, aside(&self.path, "1"))
    }
}

fn aside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens the file; a line that a sudden end left unfinished is taken away, since it comes again.
fn open(path: &Path) -> std::io::Result<File> {
    const STEP: u64 = 64 << 10;
    let mut file = options().open(path)?;
    let mut end = file.metadata()?.len();
    let whole = loop {
        let from = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(from))?;
        let mut piece = vec![0; usize::try_from(end - from).unwrap_or_default()];
        file.read_exact(&mut piece)?;
        match piece.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => break from + at as u64 + 1,
            None if from == 0 => break 0,
            None => end = from,
        }
    };
    if whole < file.metadata()?.len() {
        file.set_len(whole)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(range: std::ops::Range<u32>) -> Vec<Event> {
        let event = |n| Event {
            at: 0,
            id: String::new(),
            kind: "open".into(),
            is_failure: false,
            line: format!("{{\"n\":{n:04}}}"),
        };
        range.map(event).collect()
    }

    #[tokio::test]
    async fn full_files_are_put_aside_and_torn_lines_come_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("audit.jsonl");
        let sink = Jsonl::new(path.clone(), 50, 2);
        sink.deliver(&events(0..3)).await.expect("written");
        std::fs::write(&path, std::fs::read_to_string(&path).expect("text") + "{\"n\":00")
            .expect("torn");
        sink.deliver(&events(3..12)).await.expect("written");
        let read = |suffix: &str| std::fs::read_to_string(aside(&path, suffix)).expect("text");
        let all = read("2") + &read("1") + &std::fs::read_to_string(&path).expect("text");
        let expected: String = events(0..12).iter().map(|e| format!("{}\n", e.line)).collect();
        assert_eq!(all, expected);
        // The oldest goes when there are too many.
        sink.deliver(&events(12..20)).await.expect("written");
        assert!(!aside(&path, "3").exists());
        assert!(!read("2").contains("0000"));
    }
}
