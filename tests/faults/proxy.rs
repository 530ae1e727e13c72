//! A proxy between a connector and its server that spoils connections, each by its number and a seed.

use crate::support::rng::Rng;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to a connection at a place of its stream.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Nothing.
    None,
    /// A pause.
    Stall(Duration),
    /// So many bytes a second, as far as the next place.
    Rate(u64),
    /// The connection is reset, unread bytes and all.
    Reset,
    /// It ends in the middle of a message, as if that were the end.
    Truncate,
    /// Both ends keep a connection over which nothing comes any more.
    HalfOpen,
}

/// What goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    /// Everything.
    Fair,
    /// Connections get faults by their number.
    Foul,
    /// Nothing, on old connections and new ones, as if a cable were cut.
    Dead,
}

/// A proxy. It ends with its last holder's runtime.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) port: u16,
    weather: watch::Sender<Weather>,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
    /// Connections there ever were.
    seen: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy before `port`, in fair weather.
    pub(super) async fn start(port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            port: listener.local_addr().expect("an address").port(),
            weather: watch::Sender::new(Weather::Fair),
            open: Arc::default(),
            seen: Arc::default(),
        };
        let (weather, open, seen) = (proxy.weather.clone(), proxy.open.clone(), proxy.seen.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = seen.fetch_add(1, Ordering::Relaxed);
                let (weather, open) = (weather.subscribe(), open.clone());
                let random = Rng::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::AcqRel);
                    pass(client, SocketAddr::from(([127, 0, 0, 1], port)), random, weather).await;
                    open.fetch_sub(1, Ordering::AcqRel);
                });
            }
        });
        proxy
    }

    /// From now on.
    pub(super) fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Connections there ever were.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

/// Both directions of one connection, until one of them ends.
async fn pass(
    client: TcpStream,
    server: SocketAddr,
    mut random: Rng,
    mut weather: watch::Receiver<Weather>,
) {
    if weather.wait_for(|now| *now != Weather::Dead).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (reset, mute) = (AtomicBool::new(false), AtomicBool::new(false));
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let mut direction = || {
        let random = Rng::new(random.next());
        Direction { random, weather: weather.clone(), reset: &reset, mute: &mute }
    };
    let (up, down) = (direction(), direction());
    // The first end ends both: no server or client here sends on after a half-close.
    tokio::select! {
        () = up.run(&mut client_in, &mut server_out) => {}
        () = down.run(&mut server_in, &mut client_out) => {}
    }
    if reset.load(Ordering::Acquire) {
        // Closing without patience sends a reset.
        let _ = (client_in.as_ref().set_zero_linger(), server_in.as_ref().set_zero_linger());
    }
}

/// One direction of a connection.
struct Direction<'a> {
    random: Rng,
    weather: watch::Receiver<Weather>,
    reset: &'a AtomicBool,
    /// Whether the connection is half open.
    mute: &'a AtomicBool,
}

impl Direction<'_> {
    async fn run(mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
        let (mut passed, mut place, mut rate) = (0, self.distance(), None);
        let mut bytes = [0; 8 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let mut piece = &bytes[..read];
            let blows = self.weather.wait_for(|now| *now != Weather::Dead).await;
            let Ok(foul) = blows.map(|weather| *weather == Weather::Foul) else { return };
            if self.mute.load(Ordering::Acquire) {
                continue;
            }
            passed += read;
            let mut ends = false;
            if foul && passed >= place {
                let rest = passed - place;
                (place, rate) = (passed + self.distance(), None);
                match self.fault() {
                    Fault::None => {}
                    Fault::Stall(pause) => tokio::time::sleep(pause).await,
                    Fault::Rate(a_second) => rate = Some(a_second),
                    Fault::Reset => return self.reset.store(true, Ordering::Release),
                    Fault::Truncate => (piece, ends) = (&piece[..read - rest.min(read)], true),
                    Fault::HalfOpen => {
                        self.mute.store(true, Ordering::Release);
                        continue;
                    }
                }
            }
            if let Some(a_second) = rate.filter(|_| foul) {
                tokio::time::sleep(Duration::from_micros(read as u64 * 1_000_000 / a_second)).await;
            }
            if to.write_all(piece).await.is_err() || ends {
                return;
            }
        }
    }

    /// Bytes to the next place: from the login to a long answer, as often in each order of magnitude.
    fn distance(&mut self) -> usize {
        let least = 1 << (6 + self.random.below(14));
        least + self.random.below(least)
    }

    fn fault(&mut self) -> Fault {
        let millis = |random: &mut Rng, from: usize, to: usize| {
            Duration::from_millis((from + random.below(to - from)) as u64)
        };
        match self.random.below(100) {
            0..30 => Fault::None,
            30..50 => Fault::Stall(millis(&mut self.random, 1, 15)),
            50..60 => Fault::Stall(millis(&mut self.random, 15, 1_500)),
            60..70 => Fault::Rate(20_000 + self.random.below(400_000) as u64),
            70..83 => Fault::Reset,
            83..97 => Fault::Truncate,
            _ => Fault::HalfOpen,
        }
    }
}
