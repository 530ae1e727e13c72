//! What the listener's part does: it reads the connect descriptor, and accepts, refuses or
//! sends elsewhere.

use super::packet::{ACCEPT, DATA, Incoming, Outgoing, Packet, REDIRECT, REFUSE};
use super::wire::{Malformed, Reader};
use super::{ServerVersion, TnsOptions};
use rand::RngExt;
use std::io;

/// No listener knows the service.
const UNKNOWN_SERVICE: u32 = 12514;
/// No listener knows the SID.
const UNKNOWN_SID: u32 = 12505;
/// The client is older than anything that is served.
const NO_HANDLER: u32 = 12516;

/// The oldest protocol with 32-bit lengths; older clients are refused.
const OLDEST: u16 = 315;
/// The client may log in with one message less.
const FAST_LOGIN: u32 = 0x1000_0000;
/// Answers end with a message and a flag of their own.
const END_OF_RESPONSE: u32 = 0x0200_0000;

/// Takes the connect packet and answers it. `false` where the client was not accepted.
pub(super) async fn accept(
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
    options: &TnsOptions,
) -> io::Result<bool> {
    let Packet::Connect(body) = incoming.packet().await? else {
        return Err(io::Error::other("a connect packet was expected"));
    };
    let mut request = Request::read(&body).map_err(|_| io::Error::other("the connect packet"))?;
    if request.descriptor.is_empty() && request.length > 0 {
        // A long descriptor comes in a packet of its own.
        match incoming.packet().await? {
            Packet::Data { body, .. } => {
                request.descriptor = String::from_utf8_lossy(&body).into_owned();
            }
            _ => return Err(io::Error::other("a connect descriptor was expected")),
        }
    }
    if let Some(number) = refusal(&request, options) {
        let text = format!(
            "(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={number})\
             (ERROR_STACK=(ERROR=(CODE={number})(EMFI=4))))"
        );
        let mut body = vec![0x22, 0];
        body.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
        body.extend(text.as_bytes());
        outgoing.packet(REFUSE, &body).await?;
        return Ok(false);
    }
    if let Some(port) = options.redirect {
        redirect(outgoing, port, &request.descriptor).await?;
        return Ok(false);
    }
    let newest = if options.version == ServerVersion::V23 { 319 } else { 318 };
    let version = request.version.min(newest);
    let sdu = request.sdu.clamp(512, 2 << 20);
    let marks_end = version >= 319;
    outgoing.packet(ACCEPT, &acceptance(version, sdu, marks_end)).await?;
    incoming.lengthen();
    outgoing.agree(usize::try_from(sdu).unwrap_or(8192), marks_end);
    Ok(true)
}

/// Sends the client to another port of this machine, with what it shall ask for there.
async fn redirect(outgoing: &mut Outgoing, port: u16, descriptor: &str) -> io::Result<()> {
    let text = format!("(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={port}))\0{descriptor}");
    let length = u16::try_from(text.len()).map_err(io::Error::other)?;
    outgoing.packet(REDIRECT, &length.to_be_bytes()).await?;
    outgoing.packet(DATA, &[&[0, 0], text.as_bytes()].concat()).await
}

struct Request {
    version: u16,
    sdu: u32,
    /// Bytes of the descriptor.
    length: u16,
    descriptor: String,
}

impl Request {
    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        reader.raw(4)?;
        let short = reader.u16()?;
        reader.raw(8)?;
        let (length, offset) = (reader.u16()?, reader.u16()?);
        // The packet's head counts in the offset.
        let from = usize::from(offset).saturating_sub(8);
        let descriptor = body.get(from..from + usize::from(length)).unwrap_or_default();
        let long = (from >= 58).then(|| Reader::new(body.get(50..).unwrap_or_default()).u32());
        let sdu = match long {
            Some(Ok(long)) if long > 0 => long,
            _ => u32::from(short),
        };
        let descriptor = String::from_utf8_lossy(descriptor).into_owned();
        Ok(Self { version, sdu, length, descriptor })
    }

    /// A value of the descriptor, in upper case.
    fn value(&self, name: &str) -> Option<String> {
        let upper: String =
            self.descriptor.to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
        let (_, rest) = upper.split_once(&format!("({name}="))?;
        rest.split(')').next().map(str::to_string)
    }
}

fn refusal(request: &Request, options: &TnsOptions) -> Option<u32> {
    if request.version < OLDEST {
        return Some(NO_HANDLER);
    }
    let service = options.service.to_uppercase();
    if let Some(number) = options.refusal {
        return Some(number);
    }
    match (request.value("SERVICE_NAME"), request.value("SID")) {
        // A client may ask for the service with its domain.
        (Some(asked), _) => {
            let known = asked == service
                || asked.strip_prefix(&service).is_some_and(|rest| rest.starts_with('.'));
            (!known).then_some(UNKNOWN_SERVICE)
        }
        (None, Some(asked)) => (asked != service).then_some(UNKNOWN_SID),
        (None, None) => Some(UNKNOWN_SERVICE),
    }
}

fn acceptance(version: u16, sdu: u32, marks_end: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    body.extend(version.to_be_bytes());
    body.extend([0, 1]); // service options
    body.extend(u16::try_from(sdu).unwrap_or(u16::MAX).to_be_bytes());
    body.extend(u16::MAX.to_be_bytes()); // TDU
    body.extend([0, 1]); // byte order
    body.extend([0, 0]); // no data behind
    body.extend(if marks_end { [0, 61] } else { [0, 45] });
    body.extend([0x05, 0x05]); // no native network encryption
    body.extend([0; 8]);
    body.extend(sdu.to_be_bytes());
    body.extend(sdu.to_be_bytes());
    body.push(0); // no compression
    let flags = if marks_end { FAST_LOGIN | END_OF_RESPONSE } else { 0 };
    body.extend(flags.to_be_bytes());
    if marks_end {
        body.extend(rand::rng().random::<[u8; 16]>()); // the connection's name
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(descriptor: &str) -> Request {
        Request { version: 318, sdu: 8192, length: 0, descriptor: descriptor.into() }
    }

    #[test]
    fn services_are_known_by_name_and_domain() {
        let options = TnsOptions::default();
        let refused = |text: &str| refusal(&asking(text), &options);
        assert_eq!(refused("(CONNECT_DATA=(SERVICE_NAME=celosia)(CID=x))"), None);
        assert_eq!(refused("(CONNECT_DATA=(SERVICE_NAME=CELOSIA.example.com))"), None);
        assert_eq!(refused("(CONNECT_DATA=(service_name = CELOSIA2))"), Some(UNKNOWN_SERVICE));
        assert_eq!(refused("(CONNECT_DATA=(SID=OTHER))"), Some(UNKNOWN_SID));
        assert_eq!(refused("(CONNECT_DATA=)"), Some(UNKNOWN_SERVICE));
    }

    #[test]
    fn cut_connect_packets_are_errors() {
        for length in 0..20 {
            assert!(Request::read(&vec![1; length]).is_err());
        }
        assert!(Request::read(&[0xff; 20]).is_ok());
    }
}
