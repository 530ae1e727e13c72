//! Expressions: typed, with their parts, so that a failing statement can be made smaller.

use std::fmt;

/// The SQL types that the generator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    Int,
    Float,
    Dec,
    Text,
    Bool,
    Date,
    Time,
    Instant,
    Bytes,
    Clock,
}

/// Every type.
pub const TYPES: [Type; 10] = [
    Type::Int,
    Type::Float,
    Type::Dec,
    Type::Text,
    Type::Bool,
    Type::Date,
    Type::Time,
    Type::Instant,
    Type::Bytes,
    Type::Clock,
];

/// An expression of a type.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it gives.
    pub ty: Type,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Sub(Box<Expr>),
}

impl Expr {
    /// A leaf.
    pub fn leaf(ty: Type, sql: impl Into<String>) -> Self {
        Self { ty, parts: vec![Part::Text(sql.into())] }
    }

    /// `template` with each `{}` replaced by one of `subs`.
    pub fn node(ty: Type, template: &str, subs: Vec<Expr>) -> Self {
        let mut parts = Vec::new();
        let mut subs = subs.into_iter();
        for (at, text) in template.split("{}").enumerate() {
            if at > 0 {
                parts.extend(subs.next().map(|sub| Part::Sub(Box::new(sub))));
            }
            parts.push(Part::Text(text.to_string()));
        }
        Self { ty, parts }
    }

    /// Smaller expressions of the same type: one of the parts, or the same with a smaller part.
    pub fn smaller(&self) -> Vec<Expr> {
        let mut found = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let Part::Sub(sub) = part else { continue };
            if sub.ty == self.ty {
                found.push(sub.as_ref().clone());
            }
            for smaller in sub.smaller() {
                let mut parts = self.parts.clone();
                parts[at] = Part::Sub(Box::new(smaller));
                found.push(Expr { ty: self.ty, parts });
            }
        }
        found
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Sub(sub) => sub.fmt(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_shrinks_to_its_parts() {
        let x = Expr::leaf(Type::Int, "x");
        let sum = Expr::node(Type::Int, "({} + {})", vec![x, Expr::leaf(Type::Int, "1")]);
        let big = Expr::node(Type::Bool, "({} > 2 AND {})", vec![sum, Expr::leaf(Type::Bool, "b")]);
        assert_eq!(big.to_string(), "((x + 1) > 2 AND b)");
        let smaller: Vec<String> = big.smaller().iter().map(Expr::to_string).collect();
        assert_eq!(smaller, ["(x > 2 AND b)", "(1 > 2 AND b)", "b"]);
    }
}
