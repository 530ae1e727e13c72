//! Decimal numbers between text and a whole number with a scale.

/// The number without its decimal point, rounded to a scale; `None` where the text is no number or has
/// too many digits.
pub(super) fn scaled(text: &str, precision: u8, scale: u8) -> Option<(bool, u128)> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut value: u128 = 0;
    for byte in whole.bytes() {
        value = push(value, byte)?;
    }
    let kept = usize::from(scale);
    for at in 0..kept {
        value = push(value, fraction.as_bytes().get(at).copied().unwrap_or(b'0'))?;
    }
    let behind = fraction.as_bytes().get(kept..).unwrap_or_default();
    if behind.iter().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    if behind.first().is_some_and(|byte| *byte >= b'5') {
        value = value.checked_add(1)?;
    }
    let limit = 10_u128.checked_pow(precision.into())?;
    (value < limit).then_some((negative && value != 0, value))
}

/// The text of a whole number with a scale.
pub(super) fn text(negative: bool, value: u128, scale: u8) -> String {
    let sign = if negative && value != 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{value}");
    }
    let scale = usize::from(scale);
    let digits = format!("{value:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A floating-point number, with PostgreSQL's words for those that are none.
pub(super) fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

fn push(value: u128, digit: u8) -> Option<u128> {
    let digit = digit.is_ascii_digit().then(|| u128::from(digit - b'0'))?;
    value.checked_mul(10)?.checked_add(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_and_rounded() {
        assert_eq!(scaled("1200.50", 12, 2), Some((false, 120_050)));
        assert_eq!(scaled("-0.005", 12, 2), Some((true, 1)));
        assert_eq!(scaled("-0", 12, 2), Some((false, 0)));
        assert_eq!(scaled(".5", 1, 1), Some((false, 5)));
        let most = "9".repeat(38);
        assert_eq!(scaled(&most, 38, 0), Some((false, 10_u128.pow(38) - 1)));
        assert_eq!(scaled(&format!("-0.{most}"), 38, 38), Some((true, 10_u128.pow(38) - 1)));
        for wrong in ["", "-", ".", "1e5", "NaN", "1.2.3", "12345", "1.0x"] {
            assert_eq!(scaled(wrong, 5, 1), None, "{wrong}");
        }
        assert_eq!(scaled(&"9".repeat(60), 38, 0), None);
    }

    #[test]
    fn text_has_all_digits_of_the_scale() {
        assert_eq!(text(true, 1, 2), "-0.01");
        assert_eq!(text(false, 120_050, 2), "1200.50");
        assert_eq!(text(false, 7, 0), "7");
    }
}
