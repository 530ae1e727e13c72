//! Conditions that follow from another one are left out where the source finds them by itself.
//!
//! ```text
//! a JOIN b ON (a.n = 'x' AND b.n = 'y') OR (a.n = 'y' AND b.n = 'x')     stays
//! over a:  a.n = 'x' OR a.n = 'y'                                        is left out
//! ```
//!
//! The engine derives the second from the first, to read less. So does PostgreSQL; given both, it counts the
//! condition twice and expects a tenth of the rows that come, and plans for them.

use super::relations::conjuncts;
use crate::relation::JoinKind;
use crate::{Expression, Node, RemoteQuery};

/// One of several cases, as the conditions that all hold in it.
type Case = Vec<Expression>;
/// The cases of which at least one holds for each row.
type Cases = Vec<Case>;

/// The tree without what follows from a condition with several cases above.
pub(super) fn without_implied(query: &RemoteQuery) -> RemoteQuery {
    prune(query, &[])
}

fn prune(query: &RemoteQuery, held: &[Cases]) -> RemoteQuery {
    match query {
        RemoteQuery::Filter { input, predicate } => {
            let own = conjuncts(predicate).filter_map(cases);
            let below: Vec<Cases> = held.iter().cloned().chain(own).collect();
            let input = Box::new(prune(input, &below));
            let mut left: Vec<Expression> =
                conjuncts(predicate).filter(|part| !is_implied(part, held)).cloned().collect();
            match left.len() {
                0 => *input,
                1 => RemoteQuery::Filter { input, predicate: left.remove(0) },
                _ => {
                    RemoteQuery::Filter { input, predicate: Expression::condition(Node::And(left)) }
                }
            }
        }
        RemoteQuery::Join { left, right, kind: JoinKind::Inner, on, per_row } => {
            let own = on.iter().flat_map(conjuncts).filter_map(cases);
            let held: Vec<Cases> = held.iter().cloned().chain(own).collect();
            let width = left.shape().len();
            let of_left = moved(&held, &|index| (index < width).then_some(index));
            let of_right = moved(&held, &|index| index.checked_sub(width));
            RemoteQuery::Join {
                left: Box::new(prune(left, &of_left)),
                right: Box::new(prune(right, &of_right)),
                kind: JoinKind::Inner,
                on: on.clone(),
                per_row: *per_row,
            }
        }
        RemoteQuery::Project { input, columns } => {
            let below = moved(held, &|index| columns.get(index)?.column());
            RemoteQuery::Project { input: Box::new(prune(input, &below)), columns: columns.clone() }
        }
        // Elsewhere a row that a condition above drops may have taken part in something below it.
        other => other.map_inputs(&mut |input| prune(input, &[])),
    }
}

/// The cases of a condition that has several.
fn cases(condition: &Expression) -> Option<Cases> {
    let Node::Or(parts) = &condition.node else { return None };
    Some(parts.iter().map(|part| conjuncts(part).cloned().collect()).collect())
}

/// Whether a condition of several cases holds wherever one of `held` does: each case of that one has every
/// condition of one of its own.
fn is_implied(condition: &Expression, held: &[Cases]) -> bool {
    let Some(own) = cases(condition) else { return false };
    held.iter().any(|held| {
        held.iter().all(|case| own.iter().any(|own| own.iter().all(|part| case.contains(part))))
    })
}

/// What is known, over other columns; a condition that has none of them says nothing there, and cases of
/// which one says nothing say nothing.
fn moved(held: &[Cases], to: &dyn Fn(usize) -> Option<usize>) -> Vec<Cases> {
    let case = |case: &Case| {
        let parts: Case = case.iter().filter_map(|part| over(part, to)).collect();
        (!parts.is_empty()).then_some(parts)
    };
    held.iter().filter_map(|cases| cases.iter().map(case).collect()).collect()
}

/// A plain comparison, over other columns.
fn over(condition: &Expression, to: &dyn Fn(usize) -> Option<usize>) -> Option<Expression> {
    let boxed = |inner: &Expression| over(inner, to).map(Box::new);
    let node = match &condition.node {
        Node::Column(index) => Node::Column(to(*index)?),
        Node::Literal(value) => Node::Literal(value.clone()),
        Node::Widen(inner) => Node::Widen(boxed(inner)?),
        Node::Compare { operator, left, right } => {
            Node::Compare { operator: *operator, left: boxed(left)?, right: boxed(right)? }
        }
        Node::InList { operand, values, negated } => {
            Node::InList { operand: boxed(operand)?, values: values.clone(), negated: *negated }
        }
        Node::IsNull { operand, negated } => {
            Node::IsNull { operand: boxed(operand)?, negated: *negated }
        }
        Node::Like { operand, pattern, negated } => {
            Node::Like { operand: boxed(operand)?, pattern: pattern.clone(), negated: *negated }
        }
        _ => return None,
    };
    Some(Expression { node, ..condition.clone() })
}
