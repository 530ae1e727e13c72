//! `DECODE`, `CHOOSE`, and `TRUNC` and `ROUND` where their arguments are another dialect's.

use super::calls::{Call, refused, whole};
use super::dates::Work;
use super::named::is_now;
use super::template::fill;
use crate::error::Result;
use sqlparser::ast::Expr;

/// The translation of such a call; `None` for every other.
pub(super) fn translate(call: &Call, work: &mut Work<'_>) -> Result<Option<Expr>> {
    let Call { name, arguments } = call;
    Ok(Some(match (name.as_str(), arguments.as_slice()) {
        ("decode", [_, rest @ ..]) if rest.len() >= 2 => {
            work.notes.add("DECODE(x, a, b, ..., d) as CASE WHEN x IS NOT DISTINCT FROM a THEN b ... ELSE d END");
            fill(&decode(rest.len()), arguments, work.budget)?
        }
        ("decode", _) => {
            return Err(refused(
                "DECODE with so few arguments is not accepted",
                "write CASE x WHEN a THEN b ELSE c END",
            ));
        }
        ("choose", [_, rest @ ..]) if !rest.is_empty() => {
            work.notes.add("CHOOSE(n, a, b, ...) as CASE n WHEN 1 THEN a WHEN 2 THEN b ... END");
            let cases: String = (1..=rest.len())
                .map(|place| format!(" WHEN {place} THEN ${}", place + 1))
                .collect();
            fill(&format!("CASE $1{cases} END"), arguments, work.budget)?
        }
        ("trunc", [Expr::Identifier(ident)])
            if ident.quote_style.is_none() && is_now(&ident.value) =>
        {
            work.notes.add("TRUNC(d) as date_trunc('day', d)");
            fill("date_trunc('day', $1)", arguments, work.budget)?
        }
        ("round", [number, places, cut]) => match whole(cut) {
            Some(0) => fill("round($1, $2)", &[number.clone(), places.clone()], work.budget)?,
            Some(_) => {
                work.notes.add("ROUND(x, n, 1) as trunc(x, n)");
                fill("trunc($1, $2)", &[number.clone(), places.clone()], work.budget)?
            }
            None => {
                return Err(refused(
                    "ROUND with a third argument is not accepted",
                    "write round(x, n) or trunc(x, n)",
                ));
            }
        },
        _ => return Ok(None),
    }))
}

/// The CASE of a DECODE whose operand has so many arguments behind it.
fn decode(rest: usize) -> String {
    let pairs: String = (0..rest / 2)
        .map(|pair| {
            format!(" WHEN $1 IS NOT DISTINCT FROM ${} THEN ${}", 2 * pair + 2, 2 * pair + 3)
        })
        .collect();
    let otherwise = if rest % 2 == 1 { format!(" ELSE ${}", rest + 1) } else { String::new() };
    format!("CASE{pairs}{otherwise} END")
}
