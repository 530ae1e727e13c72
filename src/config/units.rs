//! Sizes such as `1MiB` and times such as `30s`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

/// A length of time, longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl Size {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let unit: usize = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return None,
        };
        let bytes = usize::try_from(number).ok()?.checked_mul(unit)?;
        (bytes > 0).then_some(Self(bytes))
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let unit: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        // A year is longer than any of the times here should be, and far from every overflow.
        let millis = number.checked_mul(unit).filter(|millis| *millis <= 366 * 86_400_000)?;
        (millis > 0).then(|| Self(Duration::from_millis(millis)))
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a size; write for instance 64KiB or 1MiB"))
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a time; write for instance 500ms, 30s or 5m"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1", 1),
            ("64 B", 64),
            ("1KiB", 1024),
            ("1 MiB", 1 << 20),
            ("2GiB", 2 << 30),
            ("10MB", 10_000_000),
        ] {
            assert_eq!(Size::parse(text), Some(Size(bytes)), "{text}");
        }
        for bad in [
            "",
            "0",
            "MiB",
            "1mib",
            "-1",
            "1.5MiB",
            "1TiB",
            "99999999999999999999",
            "18446744073709551615GiB",
        ] {
            assert_eq!(Size::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("5 m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(Span::parse(text), Some(Span(Duration::from_millis(millis))), "{text}");
        }
        for bad in ["30", "0s", "", "s", "-1s", "1.5s", "1y", "9999d", "18446744073709551615d"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }
}
