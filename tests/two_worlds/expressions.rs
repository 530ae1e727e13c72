//! Random expressions of a type over a scope.

use super::expr::{Expr, Type};
use super::generate::{Generator, Scope};
use super::words::{PATTERNS, REGEXES};

impl Generator<'_> {
    /// An expression of a type; deeper where `depth` allows.
    pub fn expr(&mut self, ty: Type, scope: &Scope, depth: usize) -> Expr {
        if depth == 0 || self.rng.chance(35) {
            return self.leaf(ty, scope);
        }
        let below = depth - 1;
        if self.rng.chance(8) {
            let subs =
                vec![self.boolean(scope, 0), self.expr(ty, scope, below), self.expr(ty, scope, 0)];
            return Expr::node(ty, "CASE WHEN {} THEN {} ELSE {} END", subs);
        }
        if self.rng.chance(6) {
            let name = self.rng.pick(&["coalesce({}, {})", "nullif({}, {})", "greatest({}, {})"]);
            let subs = vec![self.expr(ty, scope, below), self.expr(ty, scope, 0)];
            let name = if ty == Type::Bool { "coalesce({}, {})" } else { name };
            return Expr::node(ty, name, subs);
        }
        match ty {
            Type::Int => self.integer(scope, below),
            Type::Float => self.float(scope, below),
            Type::Dec => self.decimal(scope, below),
            Type::Text => self.text(scope, below),
            Type::Bool => self.boolean(scope, depth),
            Type::Date => self.date(scope, below),
            Type::Time => self.time(scope, below),
            Type::Instant => self.instant(scope, below),
            Type::Bytes | Type::Clock => self.leaf(ty, scope),
        }
    }

    /// A column or a value.
    fn leaf(&mut self, ty: Type, scope: &Scope) -> Expr {
        let fit: Vec<&str> = scope
            .columns
            .iter()
            .filter(|c| c.ty == ty && !c.aggregate)
            .map(|c| c.sql.as_str())
            .collect();
        if fit.is_empty() || self.rng.chance(15) {
            return self.literal(ty);
        }
        Expr::leaf(ty, self.rng.pick(&fit))
    }

    /// A value; NULL where the statements have no values of the type.
    fn literal(&mut self, ty: Type) -> Expr {
        match self.words.literals(ty) {
            none if none.is_empty() => Expr::leaf(ty, "NULL"),
            some => Expr::leaf(ty, self.rng.pick(&some)),
        }
    }

    /// A divisor that is zero where nobody may look.
    fn divisor(&mut self, scope: &Scope) -> Expr {
        let zeroes: Vec<&str> = scope
            .columns
            .iter()
            .filter(|c| !c.aggregate)
            .flat_map(|c| c.zeroes.iter().map(String::as_str))
            .collect();
        match zeroes.is_empty() {
            true => Expr::leaf(Type::Int, "7"),
            false => Expr::leaf(Type::Int, self.rng.pick(&zeroes)),
        }
    }

    fn integer(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (14, ("({} + {})", &[Type::Int, Type::Int] as &[Type])),
            (8, ("({} - {})", &[Type::Int, Type::Int])),
            (4, ("({} * {})", &[Type::Int, Type::Int])),
            (16, ("/", &[])),
            (4, ("({} % 7)", &[Type::Int])),
            (3, ("abs({})", &[Type::Int])),
            (10, ("length({})", &[Type::Text])),
            (4, ("strpos({}, '1')", &[Type::Text])),
            (4, ("ascii({})", &[Type::Text])),
            (5, ("code", &[])),
            (2, ("CAST({} AS BIGINT)", &[Type::Text])),
            (4, ("CAST({} AS INTEGER)", &[Type::Int])),
            (3, ("CAST({} AS BIGINT)", &[Type::Float])),
            (5, ("CAST(extract(year FROM {}) AS BIGINT)", &[Type::Date])),
            (5, ("CAST(extract(month FROM {}) AS BIGINT)", &[Type::Date])),
            (4, ("CAST(extract(day FROM {}) AS BIGINT)", &[Type::Time])),
            (2, ("({} / {})", &[Type::Int, Type::Int])),
        ]);
        match template {
            "/" => {
                let subs = vec![self.expr(Type::Int, scope, depth), self.divisor(scope)];
                let operator = self.rng.pick(&["({} / {})", "({} % {})"]);
                Expr::node(Type::Int, operator, subs)
            }
            // Every open code is a number, no hidden one is.
            "code" => match scope.columns.iter().find(|c| c.digits) {
                Some(code) => Expr::leaf(Type::Int, format!("CAST({} AS BIGINT)", code.sql)),
                None => self.leaf(Type::Int, scope),
            },
            template => self.node(Type::Int, template, types, scope, depth),
        }
    }

    fn float(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (5, ("({} + {})", &[Type::Float, Type::Float] as &[Type])),
            (3, ("({} * {})", &[Type::Float, Type::Float])),
            (3, ("({} / {})", &[Type::Float, Type::Float])),
            (6, ("CAST({} AS DOUBLE PRECISION)", &[Type::Int])),
            (3, ("round({})", &[Type::Float])),
            (2, ("sqrt({})", &[Type::Float])),
            (1, ("ln({})", &[Type::Float])),
            (2, ("floor({})", &[Type::Float])),
        ]);
        self.node(Type::Float, template, types, scope, depth)
    }

    fn decimal(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (5, ("CAST({} + {} AS DECIMAL(20,4))", &[Type::Dec, Type::Dec] as &[Type])),
            (3, ("CAST({} * 2 AS DECIMAL(20,4))", &[Type::Dec])),
            (3, ("CAST({} AS DECIMAL(12,2))", &[Type::Int])),
            (2, ("CAST({} AS DECIMAL(6,2))", &[Type::Dec])),
            (2, ("round({}, 1)", &[Type::Dec])),
        ]);
        self.node(Type::Dec, template, types, scope, depth)
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (4, ("upper({})", &[Type::Text] as &[Type])),
            (4, ("lower({})", &[Type::Text])),
            (6, ("substr({}, 1, 4)", &[Type::Text])),
            (4, ("right({}, 3)", &[Type::Text])),
            (6, ("({} || {})", &[Type::Text, Type::Text])),
            (3, ("replace({}, '1', {})", &[Type::Text, Type::Text])),
            (3, ("regexp_replace({}, '[0-9]+', '#')", &[Type::Text])),
            (3, ("split_part({}, '@', 1)", &[Type::Text])),
            (3, ("reverse({})", &[Type::Text])),
            (3, ("CAST({} AS TEXT)", &[Type::Int])),
            (2, ("CAST({} AS TEXT)", &[Type::Date])),
            (1, ("CAST({} AS TEXT)", &[Type::Dec])),
            (2, ("lpad({}, 6, 'x')", &[Type::Text])),
            (1, ("repeat({}, 2)", &[Type::Text])),
            (1, ("translate({}, 'abc', 'xyz')", &[Type::Text])),
            (1, ("chr({})", &[Type::Int])),
            (2, ("to_char({}, 'YYYY-MM')", &[Type::Time])),
            (2, ("to_char({}, 'FMDay DDth Mon YYYY')", &[Type::Date])),
            (1, ("to_char({}, '999,990.0MI')", &[Type::Dec])),
            (1, ("to_char({}, 'FM9990')", &[Type::Int])),
            (2, ("regexp_replace('none', {}, '')", &[Type::Text])),
        ]);
        self.node(Type::Text, template, types, scope, depth)
    }

    fn date(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (4, ("CAST({} + INTERVAL '1 month' AS DATE)", &[Type::Date] as &[Type])),
            (3, ("CAST({} AS DATE)", &[Type::Time])),
            (3, ("CAST(date_trunc('month', {}) AS DATE)", &[Type::Date])),
            (1, ("CAST({} AS DATE)", &[Type::Text])),
            (1, ("to_date({}, 'YYYY-MM-DD')", &[Type::Text])),
        ]);
        self.node(Type::Date, template, types, scope, depth)
    }

    fn time(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (3, ("CAST({} AS TIMESTAMP)", &[Type::Date] as &[Type])),
            (3, ("date_trunc('month', {})", &[Type::Time])),
            (3, ("({} + INTERVAL '1 day')", &[Type::Time])),
            (2, ("CAST(to_timestamp_seconds({}) AS TIMESTAMP)", &[Type::Int])),
        ]);
        self.node(Type::Time, template, types, scope, depth)
    }

    fn instant(&mut self, scope: &Scope, depth: usize) -> Expr {
        let (template, types): (&str, &[Type]) = self.rng.weighted(&[
            (3, ("date_trunc('month', {})", &[Type::Instant] as &[Type])),
            (2, ("date_trunc('hour', {})", &[Type::Instant])),
            (2, ("({} + INTERVAL '1 day')", &[Type::Instant])),
        ]);
        self.node(Type::Instant, template, types, scope, depth)
    }

    /// A condition.
    pub fn boolean(&mut self, scope: &Scope, depth: usize) -> Expr {
        if depth > 0 && self.rng.chance(20) {
            let template = self.rng.pick(&["({} AND {})", "({} OR {})", "(NOT {} OR {})"]);
            let subs = vec![self.boolean(scope, depth - 1), self.boolean(scope, depth - 1)];
            return Expr::node(Type::Bool, template, subs);
        }
        let below = depth.saturating_sub(1);
        match self.rng.below(100) {
            0..=44 => {
                let ty = self.ty();
                let ty = if ty == Type::Bool { Type::Int } else { ty };
                let operator = self.rng.weighted(&[
                    (2, "({} = {})"),
                    (3, "({} <> {})"),
                    (3, "({} < {})"),
                    (3, "({} >= {})"),
                    (3, "({} > {})"),
                ]);
                let left = self.expr(ty, scope, below);
                let right = match self.rng.chance(70) {
                    true => self.literal(ty),
                    false => self.expr(ty, scope, below),
                };
                Expr::node(Type::Bool, operator, vec![left, right])
            }
            45..=54 => {
                let pattern = self.rng.pick(PATTERNS);
                let word = self.rng.pick(&["LIKE", "NOT LIKE", "NOT LIKE", "ILIKE"]);
                let sub = self.expr(Type::Text, scope, below);
                Expr::node(Type::Bool, &format!("({{}} {word} '{pattern}')"), vec![sub])
            }
            55..=60 => {
                let sub = self.expr(Type::Text, scope, below);
                let regex = self.rng.pick(REGEXES);
                Expr::node(Type::Bool, &format!("regexp_like({{}}, '{regex}')"), vec![sub])
            }
            61..=63 => {
                let pattern = self.expr(Type::Text, scope, 0);
                Expr::node(Type::Bool, "regexp_like('none', {})", vec![pattern])
            }
            64..=71 => {
                let ty = self.ty();
                let sub = self.expr(ty, scope, below);
                let template =
                    self.rng.pick(&["({} IS NULL)", "({} IS NOT NULL)", "({} IS NOT NULL)"]);
                Expr::node(Type::Bool, template, vec![sub])
            }
            72..=79 => {
                let ty = if self.rng.chance(50) { Type::Int } else { Type::Text };
                let sub = self.expr(ty, scope, below);
                let list: Vec<&str> =
                    (0..3).map(|_| self.rng.pick(&self.words.literals(ty))).collect();
                let not = if self.rng.chance(50) { " NOT" } else { "" };
                let template = format!("({{}}{not} IN ({}))", list.join(", "));
                Expr::node(Type::Bool, &template, vec![sub])
            }
            80..=84 => {
                let subs = vec![self.expr(Type::Int, scope, below)];
                Expr::node(Type::Bool, "({} BETWEEN 1 AND 17731)", subs)
            }
            85..=90 => {
                let subs = vec![self.divisor(scope)];
                Expr::node(Type::Bool, "(100 / {} < 200)", subs)
            }
            91..=96 if depth > 0 => self.subquery(scope),
            _ => self.leaf(Type::Bool, scope),
        }
    }

    /// A condition with a subquery over one table.
    fn subquery(&mut self, scope: &Scope) -> Expr {
        let words = self.words;
        let table = words.table(&mut self.rng);
        let inner = Scope::of(table, "s");
        let condition = self.boolean(&inner, 0);
        let whole: Vec<&str> = inner
            .columns
            .iter()
            .filter(|c| c.ty == Type::Int && !c.aggregate)
            .map(|c| c.sql.as_str())
            .collect();
        let (Some(key), Some(id)) = (whole.first(), whole.get(1).or(whole.first())) else {
            return condition_of(condition, &table.name);
        };
        let table = &table.name;
        let outer = self.leaf(Type::Int, scope);
        let template = match self.rng.below(4) {
            0 => format!("({{}} IN (SELECT {key} FROM {table} AS s WHERE {{}}))"),
            1 => format!("({{}} NOT IN (SELECT {id} FROM {table} AS s WHERE {{}}))"),
            2 => format!("(EXISTS (SELECT 1 FROM {table} AS s WHERE {key} = {{}} AND {{}}))"),
            _ => format!("({{}} > (SELECT min({id}) FROM {table} AS s WHERE {{}}))"),
        };
        Expr::node(Type::Bool, &template, vec![outer, condition])
    }

    fn node(
        &mut self,
        ty: Type,
        template: &str,
        types: &[Type],
        scope: &Scope,
        depth: usize,
    ) -> Expr {
        let subs = types.iter().map(|ty| self.expr(*ty, scope, depth)).collect();
        Expr::node(ty, template, subs)
    }
}

/// Whether the table has a row of which the condition holds.
fn condition_of(condition: Expr, table: &str) -> Expr {
    let template = format!("(EXISTS (SELECT 1 FROM {table} AS s WHERE {{}}))");
    Expr::node(Type::Bool, &template, vec![condition])
}
