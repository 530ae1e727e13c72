//! What the configuration says of callers who are known by a certificate, or by a proxy's word.

use super::Attribute;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a certificate has to say; everything that is given must be so, letter for letter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateMatch {
    /// The subject, as `celosia token explain --certificate` writes it.
    pub subject: Option<String>,
    /// The issuer, likewise.
    pub issuer: Option<String>,
    /// A URI among the alternative names, such as a SPIFFE ID.
    pub uri: Option<String>,
    /// A DNS name among them.
    pub dns: Option<String>,
    /// An e-mail address among them.
    pub email: Option<String>,
}

/// Who the holder of a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRule {
    /// Which certificates.
    pub certificate: CertificateMatch,
    /// The user's name.
    pub user: String,
    /// Roles by name.
    pub roles: BTreeSet<String>,
    /// What row filters know as `user.*`.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A proxy whose headers are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy {
    /// Where it calls from.
    pub networks: Vec<Network>,
    /// The certificate it shows, if it must show one.
    pub certificate: Option<CertificateMatch>,
    /// The header with the user's name.
    pub user_header: String,
    /// The header with the user's groups, between commas.
    pub groups_header: Option<String>,
    /// Headers by attribute.
    pub attributes: BTreeMap<String, String>,
}

/// A network of addresses (CIDR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl CertificateMatch {
    /// Whether nothing that names a holder is given: an issuer alone names everybody it ever vouched for.
    pub fn is_open(&self) -> bool {
        self.subject.is_none() && self.uri.is_none() && self.dns.is_none() && self.email.is_none()
    }
}

impl TrustedProxy {
    /// Every header by which it says who calls.
    pub fn headers(&self) -> impl Iterator<Item = &String> {
        [&self.user_header].into_iter().chain(&self.groups_header).chain(self.attributes.values())
    }
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        let network = Self { address, bits };
        // Bits behind the prefix are a slip, and so is the whole world.
        let clean = bits > 0 && bits <= most && network.cut(address) == bits_of(address);
        clean.then_some(network)
    }

    /// Whether the address is one of the network's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.cut(address) == bits_of(self.address)
    }

    fn cut(&self, address: IpAddr) -> u128 {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let behind = width - u32::from(self.bits).min(width);
        bits_of(address).checked_shr(behind).unwrap_or(0).checked_shl(behind).unwrap_or(0)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).expect(network).contains(address.parse().expect(address))
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("127.0.0.1", "127.0.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3") && holds("fd00::/8", "fd12::1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(!holds("fd00::/8", "fe00::1") && !holds("fd00::/8", "10.0.0.1"));
        for slip in ["10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/", "10/8", "", "x"]
        {
            assert!(Network::parse(slip).is_none(), "{slip}");
        }
        assert!(Network::parse("10.0.0.0/+8").is_none());
    }
}
