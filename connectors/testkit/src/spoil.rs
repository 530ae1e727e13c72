//! A proxy that changes what a server says, byte by byte: what reads a server's answers must give an
//! error or an answer, and never a panic or a wait without end.

use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The places of a stream that are changed are below this.
const MOST_BYTES: usize = 8 * 1024;
/// The most changes of one connection.
const MOST_EDITS: usize = 16;

/// Changes to one connection, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<(usize, Change)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// One bit is turned.
    Flip(u8),
    /// The byte is this one.
    Set(u8),
    /// So many bytes are left out.
    Drop(usize),
    /// So many bytes of this value come in addition.
    Insert(usize, u8),
    /// The connection ends here.
    End,
}

impl Edits {
    /// Changes from any bytes: four of them each, a place and what happens there.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let edit = |part: &[u8]| {
            let at = usize::from(u16::from_le_bytes([part[0], part[1]])) % MOST_BYTES;
            let change = match part[2] % 8 {
                0..=2 => Change::Flip(part[3] % 8),
                3 | 4 => Change::Set(part[3]),
                5 => Change::Drop(usize::from(part[3] % 32) + 1),
                6 => Change::Insert(usize::from(part[2] / 8) + 1, part[3]),
                _ if part[3] < 32 => Change::End,
                _ => Change::Set(0xff),
            };
            (at, change)
        };
        let mut edits: Vec<_> = bytes.chunks_exact(4).take(MOST_EDITS).map(edit).collect();
        edits.sort_by_key(|(at, _)| *at);
        Self(edits)
    }

    /// One to four changes that follow from a number.
    pub fn seeded(seed: u64) -> Self {
        // SplitMix64, so that a number names the same changes on every machine.
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let count = 1 + next() % 4;
        // A short dialogue is a few hundred bytes: most places are there.
        let reach = if next() % 4 == 0 { MOST_BYTES as u64 } else { 1024 };
        let bytes: Vec<u8> = (0..count)
            .flat_map(|_| {
                let [low, high] = ((next() % reach) as u16).to_le_bytes();
                let [kind, value, ..] = next().to_le_bytes();
                [low, high, kind, value]
            })
            .collect();
        Self::from_bytes(&bytes)
    }

    /// `piece`, which begins at `begin` of the stream, as it is passed on, and whether the stream goes on.
    fn apply(&self, begin: usize, piece: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(piece.len());
        let mut left_out = 0_usize;
        for (at, byte) in (begin..).zip(piece) {
            let mut byte = *byte;
            for (_, change) in self.0.iter().filter(|(place, _)| *place == at) {
                match *change {
                    Change::Flip(bit) => byte ^= 1 << bit,
                    Change::Set(value) => byte = value,
                    Change::Drop(count) => left_out = left_out.max(count),
                    Change::Insert(count, value) => out.extend(std::iter::repeat_n(value, count)),
                    Change::End => return (out, false),
                }
            }
            match left_out {
                0 => out.push(byte),
                _ => left_out -= 1,
            }
        }
        (out, true)
    }
}

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Spoiler {
    port: u16,
    edits: Arc<Mutex<Edits>>,
    listener: JoinHandle<()>,
}

impl Spoiler {
    /// A proxy before the server on `port` of loopback. It changes nothing yet.
    ///
    /// # Errors
    /// There is no port.
    pub async fn before(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let edits = Arc::<Mutex<Edits>>::default();
        let now = edits.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let edits = now.lock().clone();
                tokio::spawn(async move {
                    // An end of either side ends both; that is all there is to say about it.
                    let _ = pass(client, port, edits).await;
                });
            }
        });
        Ok(Self { port: own, edits, listener })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What happens to connections that are opened from now on.
    pub fn set(&self, edits: Edits) {
        *self.edits.lock() = edits;
    }
}

impl Drop for Spoiler {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn pass(client: TcpStream, port: u16, edits: Edits) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let down = async {
        let (mut at, mut buffer) = (0, vec![0; 4096]);
        loop {
            let count = server_in.read(&mut buffer).await?;
            if count == 0 {
                return io::Result::Ok(());
            }
            let (out, goes_on) = edits.apply(at, &buffer[..count]);
            client_out.write_all(&out).await?;
            if !goes_on {
                return Ok(());
            }
            at += count;
        }
    };
    tokio::select! {
        up = tokio::io::copy(&mut client_in, &mut server_out) => up.map(|_| ()),
        down = down => down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_happen_at_their_places() {
        let edits = Edits(vec![
            (1, Change::Set(b'X')),
            (2, Change::Flip(0)),
            (4, Change::Drop(2)),
            (7, Change::Insert(2, b'-')),
        ]);
        assert_eq!(edits.apply(0, b"abcdefgh"), (b"aXbdg--h".to_vec(), true));
        assert_eq!(edits.apply(8, b"abcdefgh"), (b"abcdefgh".to_vec(), true));
        assert_eq!(Edits(vec![(2, Change::End)]).apply(0, b"abcd"), (b"ab".to_vec(), false));
    }

    #[test]
    fn any_bytes_are_changes() {
        let bytes: Vec<u8> = (0..=255).collect();
        let Edits(edits) = Edits::from_bytes(&bytes);
        assert_eq!(edits.len(), MOST_EDITS);
        assert!(
            edits.is_sorted_by_key(|(at, _)| *at) && edits.iter().all(|(at, _)| *at < MOST_BYTES)
        );
        assert_eq!(Edits::from_bytes(&[1, 2, 3]), Edits::default());
    }
}
