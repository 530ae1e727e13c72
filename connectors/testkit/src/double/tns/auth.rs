//! The login: a password is proved with the 12c verifier, both sides deriving a key from two random
//! halves, so that it never crosses the wire readable.

use super::wire::Put;
use super::{ServerVersion, TnsOptions};
use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use rand::RngExt;
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;

/// Wrong user or wrong password: which, is not said.
pub(super) const WRONG: u32 = 1017;

/// Rounds of the slow derivation. A real server takes 4,096; tests log in often.
const ROUNDS: u32 = 512;
/// Rounds of the session key's derivation.
const SESSION_ROUNDS: u32 = 3;
/// The flag that names the 12c verifier.
const VERIFIER_12C: u64 = 0x4815;

/// What the client sends in one of its two login messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    /// The user's name as sent.
    pub(super) user: String,
    /// Names and values, some of them secret.
    pub(super) pairs: BTreeMap<String, String>,
}

/// A login that has begun: what the server must remember between the two messages.
pub(super) struct Challenge {
    user: String,
    password: Option<String>,
    verifier: [u8; 32],
    salt: [u8; 16],
    session_salt: [u8; 16],
    half: [u8; 32],
}

impl Challenge {
    /// Begins a login. A user that does not exist gets a challenge like any other.
    pub(super) fn new(login: &Login, options: &TnsOptions) -> Self {
        let user = canonical(&login.user);
        let password = options.users.iter().find(|(name, _)| canonical(name) == user);
        let password = password.map(|(_, password)| password.clone());
        let salt = rand::rng().random::<[u8; 16]>();
        let mut slow = [0; 64];
        let secret = password.as_deref().unwrap_or_default().as_bytes();
        let salted = [&salt[..], b"AUTH_PBKDF2_SPEEDY_KEY"].concat();
        pbkdf2::pbkdf2_hmac::<Sha512>(secret, &salted, ROUNDS, &mut slow);
        let digest = Sha512::new().chain_update(slow).chain_update(salt).finalize();
        let mut verifier = [0; 32];
        verifier.copy_from_slice(&digest[..32]);
        let mut random = rand::rng();
        let (session_salt, half) = (random.random(), random.random());
        Self { user, password, verifier, salt, session_salt, half }
    }

    /// The user, in upper case unless it was quoted.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// The parameters the client needs for its proof.
    pub(super) fn parameters(&self) -> Vec<u8> {
        let half = encrypt(&self.verifier, &self.half);
        parameters(&[
            ("AUTH_SESSKEY", hex(&half), 0),
            ("AUTH_VFR_DATA", hex(&self.salt), VERIFIER_12C),
            ("AUTH_PBKDF2_CSK_SALT", hex(&self.session_salt), 0),
            ("AUTH_PBKDF2_VGEN_COUNT", ROUNDS.to_string(), 0),
            ("AUTH_PBKDF2_SDER_COUNT", SESSION_ROUNDS.to_string(), 0),
            ("AUTH_GLOBALLY_UNIQUE_DBID\0", "5".repeat(32), 0),
        ])
    }

    /// The key of the session where the proof holds.
    pub(super) fn check(&self, login: &Login) -> Option<[u8; 32]> {
        let value = |name: &str| login.pairs.get(name).and_then(|text| unhex(text));
        let other = decrypt(&self.verifier, &value("AUTH_SESSKEY")?)?;
        let both = [other.get(..32)?, &self.half[..]].concat();
        let mut key = [0; 32];
        let secret = hex(&both);
        pbkdf2::pbkdf2_hmac::<Sha512>(
            secret.as_bytes(),
            &self.session_salt,
            SESSION_ROUNDS,
            &mut key,
        );
        let sent = decrypt_padded(&key, &value("AUTH_PASSWORD")?)?;
        let proved = sent.get(16..)? == self.password.as_deref()?.as_bytes();
        (proved && canonical(&login.user) == self.user).then_some(key)
    }
}

/// What the client is told of the server when it is let in.
pub(super) fn welcome(key: &[u8; 32], session: u64, options: &TnsOptions) -> Vec<u8> {
    let proof = [&rand::rng().random::<[u8; 16]>()[..], b"SERVER_TO_CLIENT"].concat();
    let version: u32 = match options.version {
        ServerVersion::V19 => 0x1313_0000,
        ServerVersion::V23 => 0x1706_018A,
    };
    let service = options.service.to_uppercase();
    let none = String::new;
    parameters(&[
        ("AUTH_VERSION_STRING", "- Production".into(), 0),
        ("AUTH_VERSION_SQL", "25".into(), 0),
        ("AUTH_XACTION_TRAITS", "3".into(), 0),
        ("AUTH_VERSION_NO", version.to_string(), 0),
        ("AUTH_VERSION_STATUS", "0".into(), 0),
        ("AUTH_CAPABILITY_TABLE", none(), 0),
        ("AUTH_SESSION_ID", session.to_string(), 0),
        ("AUTH_SERIAL_NUM", (session % 60_000 + 1).to_string(), 0),
        ("AUTH_INSTANCE_NO", "1".into(), 0),
        ("AUTH_INSTANCENAME", service.clone(), 0),
        ("AUTH_SC_DBUNIQUE_NAME", service.clone(), 0),
        ("AUTH_SC_SERVICE_NAME", service.to_lowercase(), 0),
        ("AUTH_SC_DB_DOMAIN", none(), 0),
        ("AUTH_SC_INSTANCE_NAME", service.clone(), 0),
        ("AUTH_MAX_OPEN_CURSORS", "300".into(), 0),
        ("AUTH_MAX_IDEN_LENGTH", "128".into(), 0),
        ("AUTH_DB_ID", "1".into(), 0),
        ("AUTH_DBNAME", service, 0),
        ("AUTH_SVR_RESPONSE", hex(&encrypt_padded(key, &proof)), 0),
        ("AUTH_NLS_LXLAN", "AMERICAN".into(), 0),
        ("AUTH_NLS_LXCTERRITORY", "AMERICA".into(), 0),
    ])
}

/// A name as Oracle keeps it.
fn canonical(name: &str) -> String {
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.to_string(),
        None => name.to_uppercase(),
    }
}

fn parameters(pairs: &[(&str, String, u64)]) -> Vec<u8> {
    let mut out = vec![8];
    out.ub(pairs.len() as u64);
    for (name, value, flags) in pairs {
        out.counted(name.as_bytes()).counted(value.as_bytes()).ub(*flags);
    }
    out
}

fn encrypt(key: &[u8; 32], bytes: &[u8]) -> Vec<u8> {
    encryptor(key).encrypt_padded_vec::<NoPadding>(bytes)
}

fn encrypt_padded(key: &[u8; 32], bytes: &[u8]) -> Vec<u8> {
    encryptor(key).encrypt_padded_vec::<Pkcs7>(bytes)
}

fn encryptor(key: &[u8; 32]) -> cbc::Encryptor<Aes256> {
    cbc::Encryptor::new(key.into(), &[0; 16].into())
}

fn decrypt(key: &[u8; 32], bytes: &[u8]) -> Option<Vec<u8>> {
    decryptor(key).decrypt_padded_vec::<NoPadding>(bytes).ok()
}

fn decrypt_padded(key: &[u8; 32], bytes: &[u8]) -> Option<Vec<u8>> {
    decryptor(key).decrypt_padded_vec::<Pkcs7>(bytes).ok()
}

fn decryptor(key: &[u8; 32]) -> cbc::Decryptor<Aes256> {
    cbc::Decryptor::new(key.into(), &[0; 16].into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_that_are_none_are_turned_down() {
        let login = Login { user: "reader".into(), ..Login::default() };
        let challenge = Challenge::new(&login, &TnsOptions::default());
        assert!(challenge.check(&login).is_none());
        for value in ["", "0", "zz", "00", &"00".repeat(32), &"00".repeat(48)] {
            let pairs = ["AUTH_SESSKEY", "AUTH_PASSWORD"].map(|n| (n.to_string(), value.into()));
            let login = Login { user: "reader".into(), pairs: pairs.into() };
            assert!(challenge.check(&login).is_none(), "{value}");
        }
    }

    #[test]
    fn names_are_upper_case_unless_quoted() {
        assert_eq!(canonical("reader"), "READER");
        assert_eq!(canonical("\"Reader\""), "Reader");
    }
}
