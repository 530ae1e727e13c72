//! The relay of an open connection: packets both ways, and the break in between.

use super::wire::{Buffer, MARKER, Server, packet};
use crate::driver::line::{Line, Next};
use std::time::{Duration, Instant};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest packet: the driver asks for packets of 64 KiB.
const LONGEST: usize = 2 << 20;
/// The most bytes of one answer, which the driver holds in memory as a whole.
const MOST: usize = 512 << 20;
/// How long a side may take to take what it is sent.
const WRITE: Duration = Duration::from_secs(10);
/// When a break that was not possible is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// The marker that interrupts a call, and the one that asks the server to start afresh.
const INTERRUPT: u8 = 3;
const RESET: u8 = 2;

/// What is done with the server's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// They go to the driver.
    On,
    /// They belong to a call that was broken, until the server says that it starts afresh.
    UntilReset,
    /// A server may say so more than once.
    UntilAnswer,
}

/// Relays until a side closes, or the connection must be given up; says why it ended.
pub(super) async fn run(mut driver: TcpStream, mut server: Server, line: &Line) -> &'static str {
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    let mut pass = Pass::On;
    // Bytes of an answer that have been passed on since the driver's last packet; there is none before
    // the driver has asked.
    let mut answered = 1_usize;
    loop {
        let wait = match line.next() {
            Next::Close => return line.closed().unwrap_or("closed"),
            Next::Wait(until) => until,
            // An answer that is on its way is read to its end: it is short, and the driver cannot lose
            // its place. Only a server that is still at work is interrupted.
            Next::Break if answered == 0 && up.filled().is_empty() && pass == Pass::On => {
                let markers = [marker(INTERRUPT), marker(RESET)].concat();
                if write(&mut server, &markers).await.is_err() {
                    return BROKE;
                }
                line.broke();
                pass = Pass::UntilReset;
                continue;
            }
            Next::Break => Instant::now() + AGAIN,
        };
        tokio::select! {
            read = up.read(&mut driver) => {
                if read.unwrap_or(0) == 0 {
                    let _ = timeout(WRITE, server.shutdown()).await;
                    return "the driver closed the connection";
                }
                match whole(up.filled()) {
                    Ok(0) => {}
                    Ok(length) => {
                        answered = 0;
                        let bytes = up.filled().get(..length).unwrap_or_default();
                        if write(&mut server, bytes).await.is_err() {
                            return BROKE;
                        }
                        up.consume(length);
                    }
                    Err(cause) => return cause,
                }
            }
            read = down.read(&mut server) => {
                if read.unwrap_or(0) == 0 {
                    return BROKE;
                }
                let length = match whole(down.filled()) {
                    Ok(length) => length,
                    Err(cause) => return cause,
                };
                let kept = kept(down.filled().get(..length).unwrap_or_default(), &mut pass);
                answered += kept.len();
                if answered > MOST {
                    return "an answer of more than 512 MiB";
                }
                if !kept.is_empty() && write(&mut driver, kept).await.is_err() {
                    return "the driver does not read";
                }
                down.consume(length);
            }
            () = tokio::time::sleep_until(wait.into()) => {}
            () = line.changed() => {}
        }
    }
}

const BROKE: &str = "the database or the network closed the connection";

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), ()> {
    let written = async {
        to.write_all(bytes).await?;
        to.flush().await
    };
    match timeout(WRITE, written).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// The bytes of the packets that have wholly arrived.
fn whole(bytes: &[u8]) -> Result<usize, &'static str> {
    let mut length = 0;
    while let Some(next) = packet(bytes.get(length..).unwrap_or_default(), true, LONGEST)? {
        length += next;
    }
    Ok(length)
}

/// The packets that the driver is given: those behind the ones that belong to a broken call.
fn kept<'a>(mut packets: &'a [u8], pass: &mut Pass) -> &'a [u8] {
    while *pass != Pass::On {
        let Ok(Some(length)) = packet(packets, true, LONGEST) else { break };
        let is_marker = packets.get(4) == Some(&MARKER);
        let is_reset = is_marker && packets.get(10) == Some(&RESET);
        match *pass {
            Pass::UntilReset if is_reset => *pass = Pass::UntilAnswer,
            Pass::UntilAnswer if !is_marker => {
                *pass = Pass::On;
                return packets;
            }
            _ => {}
        }
        packets = packets.get(length..).unwrap_or_default();
    }
    packets
}

fn marker(kind: u8) -> [u8; 11] {
    [0, 0, 0, 11, MARKER, 0, 0, 0, 1, 0, kind]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(byte: u8) -> Vec<u8> {
        vec![0, 0, 0, 11, 6, 0, 0, 0, 0, 0, byte]
    }

    #[test]
    fn what_belongs_to_a_broken_call_is_dropped() {
        let stream = [
            data(1),
            marker(1).to_vec(),
            data(2),
            marker(RESET).to_vec(),
            marker(RESET).to_vec(),
            data(3),
            data(4),
        ];
        let mut pass = Pass::UntilReset;
        assert_eq!(kept(&stream.concat(), &mut pass), [data(3), data(4)].concat());
        assert_eq!(pass, Pass::On);
        // Packet by packet, it is the same.
        let mut pass = Pass::UntilReset;
        let found: Vec<u8> =
            stream.iter().flat_map(|packet| kept(packet, &mut pass).to_vec()).collect();
        assert_eq!(found, [data(3), data(4)].concat());
    }

    #[test]
    fn only_whole_packets_are_passed_on() {
        let two = [data(1), data(2)].concat();
        assert_eq!(whole(&two), Ok(22));
        assert_eq!(whole(&two[..21]), Ok(11));
        assert_eq!(whole(&two[..3]), Ok(0));
        assert!(whole(&[0, 0, 0, 1, 0, 0, 0, 0]).is_err());
    }
}
