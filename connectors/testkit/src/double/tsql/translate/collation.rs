//! Collations: which there are, and which order by UTF-16 units.

use super::Context;
use super::expression::call;
use super::infer::Scopes;
use crate::double::engine::EngineError;
use crate::double::tsql::native::DEFAULT_COLLATION;
use sqlparser::ast::{Expr, Ident, ObjectName};

/// Text under a binary collation is ordered by its UTF-16 units.
pub(crate) fn order_by_units(expr: &mut Expr, context: Context<'_>, scopes: &Scopes) {
    let collation = scopes.of(expr, context).and_then(|typed| typed.collation);
    if collation.is_some_and(|collation| is_by_units(&collation)) {
        *expr = call("ordinal", vec![expr.clone()]);
    }
}

/// Whether an order between two texts is that of UTF-16 units: by a COLLATE, or else by a column.
pub(crate) fn compares_units(
    left: &Expr,
    right: &Expr,
    context: Context<'_>,
    scopes: &Scopes,
) -> bool {
    let sides = [left, right];
    let explicit = sides.iter().find(|side| is_collated(side));
    let collation = |side: &Expr| scopes.of(side, context).and_then(|typed| typed.collation);
    let found = match explicit {
        Some(side) => collation(side),
        None => sides.iter().find_map(|side| collation(side)),
    };
    found.is_some_and(|collation| is_by_units(&collation))
}

fn is_collated(expr: &Expr) -> bool {
    match expr {
        Expr::Collate { .. } => true,
        Expr::Nested(inner) => is_collated(inner),
        _ => false,
    }
}

fn is_by_units(collation: &str) -> bool {
    let collation = collation.to_uppercase();
    collation.contains("_BIN") && !collation.contains("UTF8")
}

/// A collation of the set-up script under its PostgreSQL name.
pub(crate) fn collation_name(collation: &ObjectName) -> Result<ObjectName, EngineError> {
    let spelled = collation.0.last().and_then(|part| part.as_ident()).map(|ident| &ident.value);
    let known = spelled.and_then(|spelled| known_collation(spelled));
    let known = known.ok_or_else(|| {
        EngineError::new(
            448,
            format!("Invalid collation '{}'.", spelled.cloned().unwrap_or_default()),
        )
    })?;
    let quoted = Ident::with_quote('"', known);
    Ok(ObjectName::from(vec![Ident::new("tsql"), quoted]))
}

/// The collations that the set-up script makes.
pub(crate) fn known_collation(spelled: &str) -> Option<&'static str> {
    const KNOWN: &[&str] = &[
        DEFAULT_COLLATION,
        "SQL_Latin1_General_CP1_CS_AS",
        "Latin1_General_CI_AS",
        "Latin1_General_CS_AS",
        "Latin1_General_CI_AI",
        "Latin1_General_100_CI_AS",
        "Latin1_General_100_CS_AS",
        "Latin1_General_100_CI_AI",
        "Latin1_General_100_CI_AS_SC",
        "Latin1_General_100_CS_AS_SC",
        "Latin1_General_100_CI_AS_SC_UTF8",
        "Latin1_General_BIN",
        "Latin1_General_BIN2",
        "Latin1_General_100_BIN2",
        "Latin1_General_100_BIN2_UTF8",
    ];
    let default =
        if spelled.eq_ignore_ascii_case("database_default") { DEFAULT_COLLATION } else { spelled };
    KNOWN.iter().copied().find(|known| known.eq_ignore_ascii_case(default))
}
