//! From the claims of a proven token to who its holder is.

use super::refusal::Refusal;
use crate::model::{Attribute, TokenProvider};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

type Claims = Map<String, Value>;

/// The longest name of a user.
const LONGEST_USER: usize = 256;

/// What a token says of its holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Subject {
    pub(super) user: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) attributes: BTreeMap<String, Attribute>,
    /// Attributes that no claim gives, or one that is no attribute, and why.
    pub(super) missing: Vec<String>,
}

/// Who the holder is.
///
/// A claim that is missing or of an odd form never gives more than its absence would: groups of an odd
/// form refuse the token, an attribute of an odd form is missing, and a row filter over it opens nothing.
pub(super) fn subject(claims: &Claims, provider: &TokenProvider) -> Result<Subject, Refusal> {
    let user = find(claims, &provider.user_claim)
        .and_then(Value::as_str)
        .filter(|user| is_name(user) && user.len() <= LONGEST_USER)
        .filter(|_| provider.user_claim != "email" || is_verified(claims))
        .ok_or_else(|| Refusal::NoUser(provider.user_claim.clone()))?;
    let groups = groups(find(claims, &provider.groups_claim))
        .ok_or_else(|| Refusal::NoGroups(provider.groups_claim.clone()))?;
    let mut subject = Subject { user: user.to_string(), groups, ..Subject::default() };
    for (name, claim) in &provider.attributes {
        match find(claims, claim).map(attribute) {
            Some(Some(value)) => drop(subject.attributes.insert(name.clone(), value)),
            Some(None) => {
                let why = format!("user.{name}: the claim \"{claim}\" is no text, number or list");
                subject.missing.push(why);
            }
            None => subject.missing.push(format!("user.{name}: there is no claim \"{claim}\"")),
        }
    }
    if claims.get("_claim_names").and_then(|names| names.get(&provider.groups_claim)).is_some() {
        let why = "groups: there are too many for the token, so the provider left them out";
        subject.missing.push(why.to_string());
    }
    Ok(subject)
}

/// Whether the provider stands behind the address: anybody can give somebody else's.
fn is_verified(claims: &Claims) -> bool {
    claims.get("email_verified").is_none_or(|verified| *verified == true || verified == "true")
}

/// The claim at a path: a claim of exactly that name, a JSON pointer (`/a/b`), or names joined by dots.
fn find<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut names = path
        .strip_prefix('/')
        .map_or_else(
            || path.split('.').map(str::to_string).collect::<Vec<_>>(),
            |pointer| {
                pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
            },
        )
        .into_iter();
    let first = claims.get(&names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(&name))
}

/// The groups: none, one, or a list; nothing else.
fn groups(claim: Option<&Value>) -> Option<BTreeSet<String>> {
    match claim {
        None | Some(Value::Null) => Some(BTreeSet::new()),
        Some(Value::String(one)) => Some(BTreeSet::from([one.clone()])),
        Some(Value::Array(list)) => {
            list.iter().map(|group| group.as_str().map(String::from)).collect()
        }
        Some(_) => None,
    }
}

fn attribute(claim: &Value) -> Option<Attribute> {
    match claim {
        Value::Array(items) => {
            items.iter().map(scalar).collect::<Option<Vec<_>>>().map(Attribute::List)
        }
        one => scalar(one),
    }
}

fn scalar(value: &Value) -> Option<Attribute> {
    match value {
        Value::Bool(value) => Some(Attribute::Boolean(*value)),
        Value::Number(value) => value.as_i64().map(Attribute::Integer),
        // Not every source can be asked about a control character; where it cannot, it says so.
        Value::String(text) if !text.chars().any(char::is_control) => {
            Some(Attribute::Text(text.clone()))
        }
        _ => None,
    }
}

/// Whether a text can stand in the audit as a name: nothing in it hides or turns the line around.
fn is_name(text: &str) -> bool {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !text.trim().is_empty() && text.trim() == text && !text.chars().any(invisible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::oidc::testing::provider;
    use serde_json::json;

    fn of(claims: Value) -> Result<Subject, Refusal> {
        let mut provider = provider();
        let paths =
            [("region", "address.region"), ("teams", "https://x.org/teams"), ("level", "/a.b/c")];
        provider.attributes = paths.map(|(name, path)| (name.into(), path.into())).into();
        subject(claims.as_object().expect("claims"), &provider)
    }

    #[test]
    fn claims_become_a_user_groups_and_attributes() {
        let ana = of(json!({
            "sub": "ana", "groups": ["a", "b"], "address": {"region": "EU"},
            "https://x.org/teams": ["one", 2, true], "a.b": {"c": 3},
        }))
        .expect("a subject");
        assert_eq!(ana.user, "ana");
        assert_eq!(ana.groups, BTreeSet::from(["a".into(), "b".into()]));
        let text = |text: &str| Attribute::Text(text.into());
        assert_eq!(ana.attributes["region"], text("EU"));
        let teams = vec![text("one"), Attribute::Integer(2), Attribute::Boolean(true)];
        assert_eq!(ana.attributes["teams"], Attribute::List(teams));
        assert_eq!(ana.attributes["level"], Attribute::Integer(3));
        assert!(ana.missing.is_empty());
    }

    #[test]
    fn groups_are_texts_or_the_token_is_refused() {
        for (claim, wanted) in
            [(json!("a b"), vec!["a b"]), (json!([]), vec![]), (json!(null), vec![])]
        {
            let found = of(json!({"sub": "ana", "groups": claim})).expect("a subject").groups;
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
        }
        for odd in [json!({"a": true}), json!(1), json!(["a", 1]), json!([["a"]]), json!([null])] {
            let refused = of(json!({"sub": "ana", "groups": odd}));
            assert_eq!(refused, Err(Refusal::NoGroups("groups".into())), "{odd}");
        }
    }

    #[test]
    fn an_attribute_of_an_odd_form_is_missing() {
        for odd in [
            json!(null),
            json!(1.5),
            json!({"x": 1}),
            json!([["x"]]),
            json!("a\u{0}b"),
            json!([null]),
        ] {
            let ana = of(json!({"sub": "ana", "address": {"region": odd}})).expect("a subject");
            assert!(ana.attributes.is_empty(), "{odd}");
            assert_eq!(ana.missing.len(), 3, "{odd}");
        }
        let overage =
            of(json!({"sub": "ana", "_claim_names": {"groups": "src1"}})).expect("a subject");
        assert!(overage.groups.is_empty() && overage.missing[3].contains("too many"));
    }

    #[test]
    fn an_address_that_is_not_verified_is_nobodys() {
        let provider = TokenProvider { user_claim: "email".into(), ..provider() };
        let named = |verified: Value| {
            let claims = json!({"email": "ana@x.org", "email_verified": verified});
            subject(claims.as_object().expect("claims"), &provider).is_ok()
        };
        assert!(named(json!(true)) && named(json!("true")));
        assert!(!named(json!(false)) && !named(json!("false")) && !named(json!(null)));
    }

    #[test]
    fn a_user_has_a_name_that_can_be_read() {
        let long = "x".repeat(LONGEST_USER + 1);
        for odd in ["", " ", " ana", "ana\n", "a\u{202e}na", "ana\u{200b}", &long] {
            assert_eq!(of(json!({"sub": odd})), Err(Refusal::NoUser("sub".into())), "{odd:?}");
        }
        assert!(of(json!({"sub": 7})).is_err() && of(json!({})).is_err());
        assert_eq!(
            of(json!({"sub": "Ána Ruiz <ana@x.org>"})).expect("a subject").user,
            "Ána Ruiz <ana@x.org>"
        );
    }
}
