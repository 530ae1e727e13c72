//! NUMBER: a sign, a base-100 exponent and up to twenty base-100 digits.

/// Most base-100 digits a value holds.
const PAIRS: usize = 20;

/// Decimal text as NUMBER's bytes; `Err` for what is no number or does not fit.
pub(super) fn encode(text: &str) -> Result<Vec<u8>, &'static str> {
    let (negative, digits, point) = digits(text)?;
    if digits.is_empty() {
        return Ok(vec![0x80]);
    }
    // Pairs stand on either side of the point.
    let odd = point.rem_euclid(2) == 1;
    let mut exponent = (point + i64::from(odd)) / 2;
    let mut padded = Vec::with_capacity(digits.len() + 2);
    if odd {
        padded.push(0);
    }
    padded.extend(digits);
    if padded.len() % 2 == 1 {
        padded.push(0);
    }
    let mut pairs: Vec<u8> = padded.chunks(2).map(|pair| pair[0] * 10 + pair[1]).collect();
    if pairs.len() > PAIRS && round(&mut pairs) {
        exponent += 1;
    }
    while pairs.last() == Some(&0) {
        pairs.pop();
    }
    if exponent < -64 {
        return Ok(vec![0x80]);
    }
    let lead = u8::try_from(exponent + 192).map_err(|_| "the number is too large")?;
    let mut out = Vec::with_capacity(pairs.len() + 2);
    if negative {
        out.push(!lead);
        out.extend(pairs.iter().map(|pair| 101 - pair));
        if pairs.len() < PAIRS {
            out.push(102);
        }
    } else {
        out.push(lead);
        out.extend(pairs.iter().map(|pair| pair + 1));
    }
    Ok(out)
}

/// NUMBER's bytes as plain decimal text; `None` for what is none.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let (lead, rest) = bytes.split_first()?;
    let negative = lead & 0x80 == 0;
    let exponent = i32::from(if negative { !lead } else { *lead }) - 192;
    let rest = if negative { rest.strip_suffix(&[102]).unwrap_or(rest) } else { rest };
    if rest.is_empty() {
        return (!negative).then(|| "0".to_string());
    }
    if rest.len() > PAIRS + 1 {
        return None;
    }
    let mut digits = String::with_capacity(rest.len() * 2);
    for byte in rest {
        let pair = if negative { 101_u8.checked_sub(*byte)? } else { byte.checked_sub(1)? };
        if pair > 99 {
            return None;
        }
        digits.push(char::from(b'0' + pair / 10));
        digits.push(char::from(b'0' + pair % 10));
    }
    let sign = if negative { "-" } else { "" };
    let point = exponent * 2;
    let (whole, part) = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            (digits.clone() + &"0".repeat(point - digits.len()), String::new())
        }
        Ok(point) => (digits[..point].to_string(), digits[point..].to_string()),
        Err(_) => {
            let zeros = usize::try_from(-point).ok()?;
            (String::new(), "0".repeat(zeros) + &digits)
        }
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    Some(match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    })
}

/// Sign, digits without zeros at either end, and where the point stands among them.
fn digits(text: &str) -> Result<(bool, Vec<u8>, i64), &'static str> {
    let text = text.trim();
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| "not a number")?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (mut digits, mut point) = (Vec::with_capacity(mantissa.len()), None);
    for byte in mantissa.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            b'.' if point.is_none() => point = Some(digits.len()),
            _ => return Err("not a number"),
        }
    }
    if digits.is_empty() {
        return Err("not a number");
    }
    let point = i64::try_from(point.unwrap_or(digits.len())).map_err(|_| "not a number")?;
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let zeros = i64::try_from(zeros).map_err(|_| "not a number")?;
    Ok((negative, digits, point - zeros + i64::from(power)))
}

/// Rounds to what fits. True where a new digit came in front.
fn round(pairs: &mut Vec<u8>) -> bool {
    let up = pairs.get(PAIRS).is_some_and(|pair| *pair >= 50);
    pairs.truncate(PAIRS);
    if !up {
        return false;
    }
    for pair in pairs.iter_mut().rev() {
        if *pair < 99 {
            *pair += 1;
            return false;
        }
        *pair = 0;
    }
    pairs.insert(0, 1);
    pairs.truncate(PAIRS);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_manual() {
        // From the documentation of Oracle's DUMP and of OCI's external number format.
        assert_eq!(encode("5").unwrap(), [193, 6]);
        assert_eq!(encode("2767").unwrap(), [194, 28, 68]);
        assert_eq!(encode("-2767").unwrap(), [61, 74, 34, 102]);
        assert_eq!(encode("100000").unwrap(), [195, 11]);
        assert_eq!(encode("1234567").unwrap(), [196, 2, 24, 46, 68]);
        assert_eq!(encode("0").unwrap(), [128]);
        assert_eq!(encode("-0.00").unwrap(), [128]);
    }

    #[test]
    fn numbers_come_back_exactly() {
        let nines = "9".repeat(38);
        let small = format!("-0.{}{}", "0".repeat(127), "123");
        let large = format!("{}{}", "9".repeat(38), "0".repeat(88));
        for text in [
            "0",
            "1",
            "-1",
            "0.1",
            "-0.1",
            "0.01",
            "10",
            "99",
            "100",
            "100.01",
            "0.5",
            "12345.678",
            "12345678901234567890.12345678901234567",
            &nines,
            &format!("-{nines}"),
            &small,
            &large,
            &format!("0.{nines}"),
            "9999999999999999999999999999999999999999",
            "-9999999999999999999999999999999999999999",
            "1.0000000000000000000000000000000000001",
        ] {
            let bytes = encode(text).unwrap();
            assert!(bytes.len() <= 22, "{text}: {bytes:?}");
            assert_eq!(decode(&bytes).as_deref(), Some(text));
        }
        assert_eq!(decode(&encode("1e3").unwrap()).as_deref(), Some("1000"));
        assert_eq!(decode(&encode("-1.50E-2").unwrap()).as_deref(), Some("-0.015"));
        assert_eq!(decode(&encode("007.10").unwrap()).as_deref(), Some("7.1"));
    }

    #[test]
    fn long_fractions_are_rounded() {
        let text = format!("0.{}", "9".repeat(60));
        assert_eq!(decode(&encode(&text).unwrap()).as_deref(), Some("1"));
        let text = format!("0.{}", "3".repeat(60));
        assert_eq!(decode(&encode(&text).unwrap()), Some(format!("0.{}", "3".repeat(40))));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for text in ["", ".", "-", "NaN", "1x", "1.2.3", "1e", "Infinity", "1e126", "1e99999"] {
            assert!(encode(text).is_err(), "{text}");
        }
        assert_eq!(encode("1e-200").unwrap(), [128]);
        for bytes in [&[][..], &[0xC1, 0], &[0xC1, 200], &[0x3E, 200], &[0xC1; 40], &[0]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
