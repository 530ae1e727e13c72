//! What stands before a session: PRELOGIN, encryption, LOGIN7.

use super::cursor::{Cursor, Malformed, utf16};
use super::input::{Message, kind, message};
use super::output::PACKET;
use super::tokens::{
    Change, DONE, FAILED, Notice, put_change, put_done, put_features, put_login_acknowledged,
};
use super::transport::Transport;
use super::{Denial, Encryption, TdsOptions};
use std::io;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// TDS 7.3 is the oldest protocol with the types that the double sends.
const OLDEST: u32 = 0x730a_0003;
const NEWEST: u32 = 0x7400_0004;
const STRICT: u32 = 0x0800_0000;

/// How TLS is taken.
#[derive(Clone)]
pub(super) struct Acceptors {
    /// Before all packets.
    pub(super) strict: TlsAcceptor,
    /// In PRELOGIN packets.
    pub(super) wrapped: TlsAcceptor,
}

/// What LOGIN7 says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) user: String,
    password: String,
    pub(super) database: String,
    pub(super) program: String,
    pub(super) read_only: bool,
    /// The client takes UTF-8.
    pub(super) utf8: bool,
    protocol: u32,
    packet: u32,
}

/// A client at the door.
pub(super) struct Caller {
    pub(super) transport: Transport,
    pub(super) asked: Asked,
    pub(super) encrypted: bool,
}

/// Takes a connection up to its LOGIN7.
///
/// # Errors
/// The connection breaks, or the client does not speak TDS or not with the encryption that is asked.
pub(super) async fn receive(
    stream: TcpStream,
    options: &TdsOptions,
    acceptors: &Acceptors,
) -> io::Result<Caller> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    // A TLS record, where a packet would be.
    let strict = first == [0x16];
    let may = match options.encryption {
        Encryption::NotSupported => !strict,
        Encryption::Off | Encryption::Required => !strict || options.version[0] >= 16,
        Encryption::Strict => strict,
    };
    if !may {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut transport = if strict {
        Transport::strict(stream, &acceptors.strict).await?
    } else {
        Transport::Plain(stream)
    };
    let asked = expect(&mut transport, kind::PRELOGIN).await?;
    let wanted = encryption_asked(&asked.body).unwrap_or(NOT_SUPPORTED);
    let answer = if strict { ON } else { encryption_answered(wanted, options.encryption) };
    transport.write_all(&prelogin(answer, options.version)).await?;
    transport.flush().await?;
    if !strict && answer != NOT_SUPPORTED {
        transport = transport.in_packets(&acceptors.wrapped).await?;
    }
    let login = expect(&mut transport, kind::LOGIN).await?;
    let asked = login7(&login.body).map_err(|_| io::ErrorKind::InvalidData)?;
    if asked.protocol < OLDEST && asked.protocol != STRICT {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if answer == OFF {
        transport = transport.unencrypted();
    }
    let encrypted = transport.encrypted();
    Ok(Caller { transport, asked, encrypted })
}

impl Caller {
    /// The size of the packets of the session.
    pub(super) fn packet(&self) -> usize {
        let asked = usize::try_from(self.asked.packet).unwrap_or(PACKET);
        let most = if self.encrypted { 16_383 } else { 32_767 };
        if asked == 0 { PACKET } else { asked.clamp(512, most) }
    }

    /// Why the login is not let in, as tokens; `None` where it is.
    pub(super) fn refused(&self, options: &TdsOptions) -> Option<Vec<u8>> {
        let user = &self.asked.user;
        let known = |(name, password): &(String, String)| {
            name.eq_ignore_ascii_case(user) && *password == self.asked.password
        };
        if !options.users.iter().any(known) {
            return Some(refusal(&[(18456, format!("Login failed for user '{user}'."))]));
        }
        let denied = options.denied.iter().find(|(name, _)| name.eq_ignore_ascii_case(user));
        if let Some((_, denial)) = denied {
            return Some(refusal(&denied_because(*denial, user, self.database(options))));
        }
        let database = self.database(options);
        let known = [options.database.as_str(), "master", "tempdb"];
        if !known.iter().any(|name| name.eq_ignore_ascii_case(database)) {
            return Some(refusal(&denied_because(Denial::Database, user, database)));
        }
        None
    }

    /// The database of the session.
    pub(super) fn database<'a>(&'a self, options: &'a TdsOptions) -> &'a str {
        if self.asked.database.is_empty() { &options.database } else { &self.asked.database }
    }

    /// The tokens that let a login in.
    pub(super) fn welcome(&self, options: &TdsOptions) -> Vec<u8> {
        let mut out = Vec::new();
        let database = self.database(options);
        let changed = |number, message: &str, out: &mut Vec<u8>| {
            Notice { number, class: 10, message, line: 1 }.put(out);
        };
        put_change(&mut out, &Change::Database { new: database, old: "master" });
        changed(5701, &format!("Changed database context to '{database}'."), &mut out);
        put_change(&mut out, &Change::Collation);
        put_change(&mut out, &Change::Language);
        changed(5703, "Changed language setting to us_english.", &mut out);
        // A client of TDS 8.0 may say 7.4 all the same.
        let asked = self.asked.protocol;
        let protocol = if asked == STRICT { STRICT } else { asked.min(NEWEST) };
        put_login_acknowledged(&mut out, protocol, options.version);
        put_change(&mut out, &Change::PacketSize { new: self.packet(), old: PACKET });
        if self.asked.utf8 {
            put_features(&mut out);
        }
        put_done(&mut out, DONE, 0, None);
        out
    }
}

/// The tokens of a login that failed.
pub(super) fn refusal(errors: &[(u32, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, message) in errors {
        let class = if *number == 4060 { 11 } else { 14 };
        Notice { number: *number, class, message, line: 1 }.put(&mut out);
    }
    put_done(&mut out, DONE, FAILED, None);
    out
}

fn denied_because(denial: Denial, user: &str, database: &str) -> Vec<(u32, String)> {
    let failed = format!("Login failed for user '{user}'.");
    let reason = |number, reason: &str| vec![(number, format!("{failed}  Reason: {reason}"))];
    match denial {
        Denial::Database => {
            let cannot = format!(
                "Cannot open database \"{database}\" requested by the login. The login failed."
            );
            vec![(4060, cannot), (18456, failed)]
        }
        Denial::MustChangePassword => reason(18488, "The password of the account must be changed."),
        Denial::PasswordExpired => reason(18487, "The password of the account has expired."),
        Denial::Disabled => reason(18470, "The account is disabled."),
        Denial::Locked => vec![(
            18486,
            format!(
                "Login failed for user '{user}' because the account is currently locked out. The system administrator can unlock it."
            ),
        )],
    }
}

/// A session that the engine has no place for.
pub(super) fn unavailable(number: u32, message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Notice { number, class: 14, message, line: 1 }.put(&mut out);
    put_done(&mut out, DONE, FAILED, None);
    out
}

const OFF: u8 = 0;
const ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const REQUIRED: u8 = 3;

fn encryption_answered(asked: u8, own: Encryption) -> u8 {
    match (own, asked) {
        (Encryption::NotSupported, _) | (Encryption::Off, NOT_SUPPORTED) => NOT_SUPPORTED,
        (Encryption::Off, OFF) => OFF,
        (Encryption::Off, _) | (_, ON) => ON,
        (Encryption::Required | Encryption::Strict, _) => REQUIRED,
    }
}

async fn expect(transport: &mut Transport, kind: u8) -> io::Result<Message> {
    let message = message(transport).await?;
    if message.kind == kind { Ok(message) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn encryption_asked(body: &[u8]) -> Option<u8> {
    let mut options = Cursor::new(body);
    loop {
        let [token, a, b, c, d] = options.array().ok()?;
        if token == 0xff {
            return None;
        }
        let (offset, length) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if token == 1 {
            let offset = usize::from(offset);
            return body.get(offset..offset + usize::from(length))?.first().map(|byte| byte & 0x0f);
        }
    }
}

/// The packet that answers PRELOGIN.
fn prelogin(encryption: u8, version: [u8; 4]) -> Vec<u8> {
    let options: [(u8, &[u8]); 4] = [
        (0, &[version[0], version[1], version[2], version[3], 0, 0]),
        (1, &[encryption]),
        (2, &[0]),
        (4, &[0]),
    ];
    let (mut table, mut values) = (Vec::new(), Vec::new());
    let start = options.len() * 5 + 1;
    for (token, value) in options {
        let (offset, length) = (start + values.len(), value.len());
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
        table.push(token);
        table.extend(short(offset));
        table.extend(short(length));
        values.extend(value);
    }
    table.push(0xff);
    let length = u16::try_from(8 + table.len() + values.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[4, 1, length[0], length[1], 0, 0, 1, 0], table.as_slice(), values.as_slice()].concat()
}

fn login7(body: &[u8]) -> Result<Asked, Malformed> {
    let text = |at: usize| {
        let mut entry = Cursor::new(body.get(at..).unwrap_or_default());
        let (offset, length) = (usize::from(entry.u16()?), usize::from(entry.u16()?));
        body.get(offset..offset + length * 2).ok_or(Malformed("a field outside of LOGIN7"))
    };
    let mut start = Cursor::new(body);
    start.u32()?;
    let (protocol, packet) = (start.u32()?, start.u32()?);
    let flags = Cursor::new(body.get(24..).unwrap_or_default()).array::<4>()?;
    let password: Vec<u8> = text(44)?.iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
    let mut asked = Asked {
        user: utf16(text(40)?)?,
        password: utf16(&password)?,
        database: utf16(text(68)?)?,
        program: utf16(text(48)?)?,
        read_only: flags[2] & 0x20 != 0,
        utf8: false,
        protocol,
        packet,
    };
    if flags[3] & 0x10 != 0 {
        let mut entry = Cursor::new(body.get(56..).unwrap_or_default());
        let place = usize::from(entry.u16()?);
        let offset = Cursor::new(body.get(place..).unwrap_or_default()).u32()?;
        let offset = usize::try_from(offset).map_err(|_| Malformed("an offset"))?;
        asked.utf8 = takes_utf8(body.get(offset..).unwrap_or_default())?;
    }
    Ok(asked)
}

/// Whether UTF-8 is among the features that a client asks for.
fn takes_utf8(features: &[u8]) -> Result<bool, Malformed> {
    let mut features = Cursor::new(features);
    let mut utf8 = false;
    while features.peek().is_some_and(|id| id != 0xff) {
        let id = features.u8()?;
        features.sized()?;
        utf8 |= id == 0x0a;
    }
    Ok(utf8)
}
