//! The stdio side of the load client.

use super::*;

/// A server's pipes. Several clients share it: as many calls are under way as there are clients.
pub(super) struct Pipe<'a> {
    settings: &'a Settings,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    ids: u64,
}

impl<'a> Pipe<'a> {
    pub(super) fn new(settings: &'a Settings, input: ChildStdin, output: ChildStdout) -> Self {
        Self { settings, input, output: BufReader::with_capacity(256 * 1024, output), ids: 0 }
    }

    pub(super) fn hello(&mut self) -> Outcome<Vec<u8>> {
        if self.settings.era != STATELESS {
            let message = initialize(self.settings, self.next_id());
            self.send(&message)?;
            self.receive()?;
            self.send(INITIALIZED)?;
        }
        let message = list(self.settings, self.next_id());
        self.send(&message)?;
        Ok(self.receive()?.1)
    }

    pub(super) fn phase(&mut self, phase: &Phase) -> Outcome<Tally> {
        let mut tally = Tally::default();
        for turn in 0..phase.warm {
            let message = call(self.settings, self.next_id(), &phase.call(0, turn).arguments);
            self.send(&message)?;
            self.receive()?;
        }
        let mut waiting: Vec<(u64, &Call, Instant)> = Vec::new();
        let began = Instant::now();
        let (mut asked, mut turn) = (0, phase.warm);
        loop {
            while waiting.len() < phase.clients
                && asked < phase.calls
                && began.elapsed() < phase.limit
            {
                let (id, next) = (self.next_id(), phase.call(0, turn));
                let message = call(self.settings, id, &next.arguments);
                (asked, turn) = (asked + 1, turn + 1);
                waiting.push((id, next, Instant::now()));
                self.send(&message)?;
            }
            if waiting.is_empty() {
                break;
            }
            let (id, answer) = self.receive()?;
            if let Some(found) = waiting.iter().position(|(known, ..)| *known == id) {
                let (_, next, sent) = waiting.swap_remove(found);
                tally.count(next, self.settings.copies, &answer, sent.elapsed());
            }
        }
        tally.wall = began.elapsed();
        Ok(tally)
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn send(&mut self, message: &str) -> Outcome<()> {
        let mut line = String::with_capacity(message.len() + 1);
        line.push_str(message);
        line.push('\n');
        self.input.write_all(line.as_bytes()).map_err(|error| error.to_string())
    }

    /// The next message that is an answer, with its id.
    pub(super) fn receive(&mut self) -> Outcome<(u64, Vec<u8>)> {
        loop {
            let mut line = Vec::new();
            match self.output.read_until(b'\n', &mut line) {
                Ok(0) => return Err("the server closed its pipe".into()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
            if let Some(id) = answered(&line) {
                return Ok((id, line));
            }
        }
    }
}
