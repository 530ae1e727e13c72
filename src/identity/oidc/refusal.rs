//! Why a token lets nobody in: for the log and for `celosia token explain`, never for the caller. No text
//! holds a part of the token that is longer than a name.

use std::fmt;

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is longer than any token should be.
    TooLong,
    /// It is not three parts of base64url.
    NotSigned,
    /// It is five parts: encrypted.
    Encrypted,
    /// Its header is no JSON object, or names a member twice.
    Header,
    /// Its claims are no JSON object, or name a member twice.
    Claims,
    /// Its algorithm is not taken from its provider.
    Algorithm,
    /// Its type is that of something else than an access token.
    Type,
    /// Its header asks for an extension.
    Extension,
    /// It holds another token.
    Nested,
    /// Its key's name is no short text.
    KeyName,
    /// Its issuer is not configured.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// This claim is no time.
    NoTime(&'static str),
    /// It has no end.
    Endless,
    /// It has expired.
    Expired,
    /// It does not hold yet.
    NotYet,
    /// It was issued in the future.
    IssuedLater,
    /// It is bound to a key that its sender would have to prove.
    Bound,
    /// No key of its provider has its key's name and algorithm.
    UnknownKey,
    /// Its signature is not by its provider.
    Signature,
    /// This claim does not name a user.
    NoUser(String),
    /// This claim is no list of groups.
    NoGroups(String),
    /// It lacks these scopes.
    Scopes(Vec<String>),
    /// The provider's keys cannot be had now.
    Unavailable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::TooLong => "it is longer than a token may be",
            Refusal::NotSigned => "it is not a signed token: three parts of base64url",
            Refusal::Encrypted => "it is encrypted; signed tokens are taken",
            Refusal::Header => "its header is not a JSON object with each name once",
            Refusal::Claims => "its claims are not a JSON object with each name once",
            Refusal::Algorithm => "its algorithm is not in the provider's list",
            Refusal::Type => "its type (typ) is not that of an access token",
            Refusal::Extension => "its header asks for an extension (crit, b64 or zip)",
            Refusal::Nested => "it holds another token (cty)",
            Refusal::KeyName => "its key's name (kid) is not a short text",
            Refusal::Issuer => "its issuer (iss) is not in identity.oidc",
            Refusal::Audience => "its audience (aud) is not the configured one",
            Refusal::NoTime(claim) => return write!(f, "its claim {claim} is not a time"),
            Refusal::Endless => "it has no end (exp)",
            Refusal::Expired => "it has expired (exp)",
            Refusal::NotYet => "it does not hold yet (nbf)",
            Refusal::IssuedLater => "it was issued in the future (iat)",
            Refusal::Bound => {
                "it is bound to its client's key (cnf), which a bearer does not prove"
            }
            Refusal::UnknownKey => "the provider has no key of that name for that algorithm",
            Refusal::Signature => "its signature is not by the provider's key",
            Refusal::NoUser(claim) => return write!(f, "its claim \"{claim}\" names no user"),
            Refusal::NoGroups(claim) => {
                return write!(f, "its claim \"{claim}\" is not a list of groups");
            }
            Refusal::Scopes(scopes) => return write!(f, "it lacks the scope {}", scopes.join(" ")),
            Refusal::Unavailable => "the provider's keys cannot be had now",
        })
    }
}

impl std::error::Error for Refusal {}
