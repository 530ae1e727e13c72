//! The registered claims of a token: for whom it is, and for how long.

use super::refusal::Refusal;
use crate::model::TokenProvider;
use serde_json::{Map, Value};

type Claims = Map<String, Value>;

/// Seconds of the Unix epoch beyond which a claim is no time: the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Everything in the claims that keeps the token out at `now`, in seconds of the Unix epoch. Scopes are not
/// among it: see [`missing_scopes`].
pub(super) fn problems(claims: &Claims, provider: &TokenProvider, now: i64) -> Vec<Refusal> {
    let skew = i64::try_from(provider.clock_skew.as_secs()).unwrap_or(0);
    let mut found = Vec::new();
    if !is_meant(claims.get("aud"), &provider.audiences) {
        found.push(Refusal::Audience);
    }
    match time(claims, "exp") {
        Err(refusal) => found.push(refusal),
        Ok(None) => found.push(Refusal::Endless),
        Ok(Some(end)) if now >= end.saturating_add(skew) => found.push(Refusal::Expired),
        Ok(Some(_)) => {}
    }
    for (claim, refusal) in [("nbf", Refusal::NotYet), ("iat", Refusal::IssuedLater)] {
        match time(claims, claim) {
            Err(refusal) => found.push(refusal),
            Ok(Some(begin)) if begin > now.saturating_add(skew) => found.push(refusal),
            Ok(_) => {}
        }
    }
    if claims.contains_key("cnf") {
        found.push(Refusal::Bound);
    }
    found
}

/// The second at which the token ends, if it says.
pub(super) fn expiry(claims: &Claims) -> Option<i64> {
    time(claims, "exp").ok().flatten()
}

/// The required scopes that the token does not have.
pub(super) fn missing_scopes(claims: &Claims, required: &[String]) -> Vec<String> {
    // `scope` is the standard's text (RFC 9068); `scp` is what two large providers write, as a text or a list.
    let mut held: Vec<&str> = Vec::new();
    for claim in [claims.get("scope"), claims.get("scp")].into_iter().flatten() {
        match claim {
            Value::String(text) => held.extend(text.split(' ')),
            Value::Array(list) => held.extend(list.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    required.iter().filter(|scope| !held.contains(&scope.as_str())).cloned().collect()
}

/// Whether one of the audiences is exactly one of ours. A list that holds something else than texts is
/// no list of audiences.
fn is_meant(claim: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |audience: &str| ours.iter().any(|our| our == audience);
    match claim {
        Some(Value::String(one)) => is_ours(one),
        Some(Value::Array(several)) => {
            several.iter().all(Value::is_string)
                && several.iter().filter_map(Value::as_str).any(is_ours)
        }
        _ => false,
    }
}

/// A time in whole seconds, rounded down. The standard allows fractions, and nothing but numbers.
fn time(claims: &Claims, claim: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds));
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    seconds.map(|seconds| Some(seconds as i64)).ok_or(Refusal::NoTime(claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::oidc::testing::provider;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn told(changes: Value) -> Vec<Refusal> {
        let mut claims = json!({"aud": "celosia", "exp": NOW + 300});
        for (name, value) in changes.as_object().expect("changes") {
            claims[name] = value.clone();
        }
        problems(claims.as_object().expect("claims"), &provider(), NOW)
    }

    #[test]
    fn times_hold_with_the_clocks_skew() {
        for fine in [
            json!({}),
            json!({"exp": NOW - 59}),
            json!({"exp": NOW as f64 + 0.5}),
            json!({"nbf": NOW + 60, "iat": NOW + 60}),
            json!({"nbf": 0, "iat": 0}),
        ] {
            assert_eq!(told(fine.clone()), [], "{fine}");
        }
        for (claims, refusal) in [
            (json!({"exp": NOW - 60}), Refusal::Expired),
            (json!({"exp": 0}), Refusal::Expired),
            (json!({"nbf": NOW + 61}), Refusal::NotYet),
            (json!({"iat": NOW + 61}), Refusal::IssuedLater),
            (json!({"exp": "1900000000"}), Refusal::NoTime("exp")),
            (json!({"exp": null}), Refusal::NoTime("exp")),
            (json!({"exp": -1}), Refusal::NoTime("exp")),
            (json!({"exp": 1e300}), Refusal::NoTime("exp")),
            (json!({"exp": u64::MAX}), Refusal::NoTime("exp")),
            (json!({"nbf": "0"}), Refusal::NoTime("nbf")),
            (json!({"iat": [0]}), Refusal::NoTime("iat")),
            (json!({"cnf": {"jkt": "x"}}), Refusal::Bound),
        ] {
            assert_eq!(told(claims.clone()), [refusal], "{claims}");
        }
        let empty = Map::new();
        assert_eq!(problems(&empty, &provider(), NOW), [Refusal::Audience, Refusal::Endless]);
    }

    #[test]
    fn the_audience_is_exact() {
        for fine in [json!("celosia"), json!(["other", "celosia"])] {
            assert_eq!(told(json!({ "aud": fine })), []);
        }
        for other in [
            json!("celosia/"),
            json!("Celosia"),
            json!("celosia other"),
            json!("*"),
            json!([]),
            json!(["celosia", 1]),
            json!([["celosia"]]),
            json!({"celosia": true}),
            json!(null),
        ] {
            assert_eq!(told(json!({ "aud": other })), [Refusal::Audience], "{other}");
        }
    }

    #[test]
    fn scopes_are_words() {
        let missing = |claims: Value, required: &[&str]| {
            let required: Vec<String> = required.iter().map(ToString::to_string).collect();
            missing_scopes(claims.as_object().expect("claims"), &required)
        };
        assert_eq!(missing(json!({}), &[]), [""; 0]);
        assert_eq!(missing(json!({"scope": "a celosia:read"}), &["celosia:read"]), [""; 0]);
        assert_eq!(missing(json!({"scp": ["x", "y"]}), &["y"]), [""; 0]);
        assert_eq!(missing(json!({"scope": "xy y:z"}), &["x", "y"]), ["x", "y"]);
        assert_eq!(missing(json!({"scope": {"x": 1}}), &["x"]), ["x"]);
    }
}
