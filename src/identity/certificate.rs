//! Who the holder of a client's certificate is. TLS has verified it by then: its authority, its time, that it
//! is for clients, and that the caller has its key.

use super::roles::RoleMap;
use crate::model::{CertificateMatch, CertificateRule, Principal, PrincipalKind};
use std::fmt::Write;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

/// The rules by which certificates are somebody.
#[derive(Debug, Default)]
pub struct Certificates {
    rules: Vec<CertificateRule>,
}

/// Why a certificate is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateRefusal {
    /// It cannot be read.
    Unreadable,
    /// It is not valid now; a connection may outlive its certificate.
    Expired,
    /// No rule names it.
    Unknown,
    /// Several rules name it.
    Several,
}

impl std::fmt::Display for CertificateRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CertificateRefusal::Unreadable => "the certificate cannot be read",
            CertificateRefusal::Expired => "the certificate is not valid now",
            CertificateRefusal::Unknown => "no rule of identity.certificates names it",
            CertificateRefusal::Several => "several rules of identity.certificates name it",
        })
    }
}

/// What a certificate says, for rules and for the administrator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFacts {
    /// The subject's name.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// URIs of the alternative names.
    pub uris: Vec<String>,
    /// DNS names of them.
    pub dns: Vec<String>,
    /// E-mail addresses of them.
    pub emails: Vec<String>,
    /// When it begins and ends, in seconds since 1970.
    pub valid: (i64, i64),
}

impl Certificates {
    /// Rules over these roles.
    ///
    /// # Errors
    /// A role that there is not.
    pub fn new(rules: Vec<CertificateRule>, map: &RoleMap) -> Result<Self, String> {
        for rule in &rules {
            if let Some(unknown) = rule.roles.iter().find(|role| !map.contains(role)) {
                let user = &rule.user;
                return Err(format!(
                    "identity.certificates: {user}: there is no role named \"{unknown}\""
                ));
            }
        }
        Ok(Self { rules })
    }

    /// Whether any certificate is somebody.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Everybody who may come.
    pub fn principals(&self) -> Vec<Principal> {
        self.rules.iter().map(establish).collect()
    }

    /// Who holds a verified certificate.
    ///
    /// # Errors
    /// Why that is nobody.
    pub fn identify(&self, der: &[u8]) -> Result<Principal, CertificateRefusal> {
        let facts = CertificateFacts::read(der).ok_or(CertificateRefusal::Unreadable)?;
        facts.check_time(chrono::Utc::now().timestamp())?;
        let mut named = self.rules.iter().filter(|rule| facts.matches(&rule.certificate));
        match (named.next(), named.next()) {
            (Some(rule), None) => Ok(establish(rule)),
            (None, _) => Err(CertificateRefusal::Unknown),
            _ => Err(CertificateRefusal::Several),
        }
    }
}

fn establish(rule: &CertificateRule) -> Principal {
    let (roles, attributes) = (rule.roles.clone(), rule.attributes.clone());
    Principal::establish(rule.user.clone(), roles, attributes, PrincipalKind::Certificate)
}

impl CertificateFacts {
    /// Reads a certificate; `None` where it is none, or something behind it.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let mut facts = Self {
            subject: name(certificate.subject())?,
            issuer: name(certificate.issuer())?,
            valid: (
                certificate.validity().not_before.timestamp(),
                certificate.validity().not_after.timestamp(),
            ),
            ..Self::default()
        };
        for extension in certificate.extensions() {
            let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension()
            else {
                continue;
            };
            for name in &names.general_names {
                match name {
                    GeneralName::URI(uri) => facts.uris.push((*uri).to_string()),
                    GeneralName::DNSName(dns) => facts.dns.push((*dns).to_string()),
                    GeneralName::RFC822Name(email) => facts.emails.push((*email).to_string()),
                    _ => {}
                }
            }
        }
        Some(facts)
    }

    /// Whether everything that is asked for is so, and something is.
    pub fn matches(&self, wanted: &CertificateMatch) -> bool {
        let is = |wanted: &Option<String>, found: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let among = |wanted: &Option<String>, found: &[String]| {
            wanted.as_ref().is_none_or(|wanted| found.contains(wanted))
        };
        !wanted.is_open()
            && is(&wanted.subject, &self.subject)
            && is(&wanted.issuer, &self.issuer)
            && among(&wanted.uri, &self.uris)
            && among(&wanted.dns, &self.dns)
            && among(&wanted.email, &self.emails)
    }

    fn check_time(&self, now: i64) -> Result<(), CertificateRefusal> {
        let (begins, ends) = self.valid;
        let valid = begins <= now && now <= ends;
        if valid { Ok(()) } else { Err(CertificateRefusal::Expired) }
    }
}

/// A name as its parts stand in the certificate: `C=ES, O=Acme, CN=ana`. What could be taken for another part
/// is escaped, so that one value never reads as two.
fn name(name: &X509Name<'_>) -> Option<String> {
    let mut text = String::new();
    for (at, part) in name.iter_rdn().enumerate() {
        text.push_str(if at == 0 { "" } else { ", " });
        for (at, attribute) in part.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { " + " });
            let short = match attribute.attr_type().to_id_string().as_str() {
                "2.5.4.3" => "CN".to_string(),
                "2.5.4.6" => "C".to_string(),
                "2.5.4.7" => "L".to_string(),
                "2.5.4.8" => "ST".to_string(),
                "2.5.4.10" => "O".to_string(),
                "2.5.4.11" => "OU".to_string(),
                "1.2.840.113549.1.9.1" => "emailAddress".to_string(),
                other => other.to_string(),
            };
            text.push_str(&short);
            text.push('=');
            for c in attribute.as_str().ok()?.chars() {
                match c {
                    ',' | '+' | '=' | '\\' | '"' | ';' | '<' | '>' | '#' => {
                        text.push('\\');
                        text.push(c);
                    }
                    c if c.is_control() => {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "\\{:02x}", u32::from(c));
                    }
                    c => text.push(c),
                }
            }
        }
    }
    Some(text)
}
