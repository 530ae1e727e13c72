//! CREATE TABLE and ALTER TABLE: columns, keys, checks, and what the dictionary says of them.

use super::super::errors;
use super::super::registry::{Name, literal, literal_or_null, quoted};
use super::super::session::Session;
use super::super::translate::{Translator, folded, parse, qualified};
use super::super::types::OracleType;
use super::parts::named;
use super::{Change, is_named};
use crate::double::engine::EngineError;
use sqlparser::ast::{
    AlterTableOperation, ColumnDef, ColumnOption, CreateTable, Expr, Ident, ObjectName, Statement,
    TableConstraint,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};
use std::sync::atomic::Ordering;

/// A table that is being declared.
struct Draft<'s> {
    session: &'s Session,
    name: Name,
    /// The pieces between the parentheses of PostgreSQL's statement.
    pieces: Vec<String>,
    /// What goes into the registry, columns first, keys before references.
    columns: Vec<String>,
    keys: Vec<String>,
    references: Vec<String>,
}

/// CREATE TABLE.
pub(super) fn create(session: &Session, create: &CreateTable) -> Result<Change, EngineError> {
    let name = named(session, &create.name)?;
    if let Some(query) = &create.query {
        let catalog = session.catalog();
        let sql = Translator::new(session.scope(&catalog), &[]).query(query)?;
        let columns = create.columns.iter().map(|column| folded(&column.name)).collect();
        return Ok(Change::Query { name, kind: "TABLE", columns, sql, replace: false });
    }
    let mut draft = Draft::new(session, name);
    let primary = primary_key(create);
    for (at, column) in create.columns.iter().enumerate() {
        let in_key = primary.iter().any(|key| *key == folded(&column.name));
        draft.column(at + 1, column, in_key)?;
    }
    for constraint in &create.constraints {
        draft.constraint(constraint)?;
    }
    let mut steps = vec![
        format!("CREATE TABLE {} ({})", qualified(&draft.name), draft.pieces.join(", ")),
        register_object(&draft.name, "TABLE"),
    ];
    steps.extend(draft.columns.into_iter().chain(draft.keys).chain(draft.references));
    Ok(Change::Steps(steps))
}

/// ALTER TABLE: one column more or less, or one constraint more.
pub(super) fn alter(
    session: &Session,
    tokens: &[TokenWithSpan],
    sql: &str,
) -> Result<Change, EngineError> {
    // `ADD (column type)` is `ADD column type`.
    let mut tokens = tokens.to_vec();
    let open = tokens.iter().position(|t| t.token == Token::LParen);
    if let Some(open) = open
        && open > 0
        && super::keyword(tokens.get(open - 1)).as_deref() == Some("ADD")
    {
        tokens.remove(open);
        tokens.pop();
    }
    let Statement::AlterTable(alter) = parse(&tokens, &[], sql)? else {
        return Err(errors::unsupported("this declaration"));
    };
    let catalog = session.catalog();
    let (name, _) = Translator::new(session.scope(&catalog), &[]).resolve(&alter.name)?;
    let table = qualified(&name);
    let mut draft = Draft::new(session, name);
    let mut steps = Vec::new();
    for operation in &alter.operations {
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                draft.column(0, column_def, false)?;
                steps
                    .extend(draft.pieces.drain(..).map(|p| format!("ALTER TABLE {table} ADD {p}")));
            }
            AlterTableOperation::AddConstraint { constraint, .. } => {
                draft.constraint(constraint)?;
                steps
                    .extend(draft.pieces.drain(..).map(|p| format!("ALTER TABLE {table} ADD {p}")));
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                for column in column_names {
                    let column = folded(column);
                    steps.push(format!("ALTER TABLE {table} DROP COLUMN {}", quoted(&column)));
                    steps.push(format!(
                        "DELETE FROM registry.columns WHERE {} AND column_name = {}",
                        is_named(&draft.name, "owner", "table_name"),
                        literal(&column)
                    ));
                }
            }
            _ => return Err(errors::unsupported("this form of ALTER TABLE")),
        }
    }
    steps.extend(draft.columns.into_iter().chain(draft.keys).chain(draft.references));
    Ok(Change::Steps(steps))
}

/// The row of a table or view.
pub(super) fn register_object(name: &Name, kind: &str) -> String {
    format!(
        "INSERT INTO registry.objects (owner, name, kind, table_oid) \
         VALUES ({}, {}, {}, {}::regclass)",
        literal(&name.0),
        literal(&name.1),
        literal(kind),
        literal(&qualified(name))
    )
}

/// The row of a column; number 0 is the one that PostgreSQL gave it.
pub(super) fn register_column(
    table: &Name,
    number: usize,
    column: &str,
    data_type: &OracleType,
    nullable: bool,
    default: Option<&str>,
) -> String {
    let declared = data_type.declared();
    let number = match number {
        0 => format!(
            "(SELECT attnum FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {})",
            literal(&qualified(table)),
            literal(column)
        ),
        known => known.to_string(),
    };
    let or_null =
        |number: Option<i64>| number.map_or_else(|| "NULL".to_string(), |n| n.to_string());
    let collation = declared.char_used.map(|_| "USING_NLS_COMP");
    let cells = [
        literal(&table.0),
        literal(&table.1),
        number,
        literal(column),
        literal(&data_type.native()),
        literal(&declared.data_type),
        declared.length.to_string(),
        or_null(declared.precision.map(i64::from)),
        or_null(declared.scale.map(i64::from)),
        declared.chars.unwrap_or(0).to_string(),
        literal_or_null(declared.char_used),
        literal(if nullable { "Y" } else { "N" }),
        literal_or_null(collation),
        literal_or_null(default),
    ];
    format!("INSERT INTO registry.columns VALUES ({})", cells.join(", "))
}

impl<'s> Draft<'s> {
    fn new(session: &'s Session, name: Name) -> Self {
        let empty = Vec::new;
        Self {
            session,
            name,
            pieces: empty(),
            columns: empty(),
            keys: empty(),
            references: empty(),
        }
    }

    fn column(
        &mut self,
        number: usize,
        column: &ColumnDef,
        in_key: bool,
    ) -> Result<(), EngineError> {
        let data_type = OracleType::parse(&column.data_type)
            .ok_or_else(|| errors::ora(902, "invalid datatype"))?;
        if data_type == OracleType::Boolean && !self.session.shared.release.is_23() {
            return Err(errors::ora(902, "invalid datatype"));
        }
        let name = folded(&column.name);
        let mut piece = format!("{} {}", quoted(&name), data_type.postgres());
        let (mut nullable, mut default) = (!in_key, None);
        for option in &column.options {
            let constraint = option.name.as_ref().map(folded);
            let own = [name.clone()];
            match &option.option {
                ColumnOption::NotNull => nullable = false,
                ColumnOption::Default(expr) => {
                    piece.push_str(&format!(" DEFAULT {}", self.expression(expr)?));
                    default = Some(expr.to_string());
                }
                ColumnOption::PrimaryKey(_) => {
                    nullable = false;
                    self.key("P", constraint, &own);
                }
                ColumnOption::Unique(_) => self.key("U", constraint, &own),
                ColumnOption::ForeignKey(key) => {
                    self.reference(constraint, &own, &key.foreign_table, &key.referred_columns)?;
                }
                ColumnOption::Check(check) => self.check(constraint, &check.expr)?,
                _ => {}
            }
        }
        if !nullable {
            piece.push_str(" NOT NULL");
        }
        if let Some(most) = data_type.most_bytes() {
            let text = quoted(&name);
            piece.push_str(&format!(
                " CONSTRAINT {} CHECK (octet_length({text}) <= {most})",
                quoted(&format!("{}_bytes", self.serial()))
            ));
        }
        self.pieces.push(piece);
        let default = default.as_deref();
        self.columns
            .push(register_column(&self.name, number, &name, &data_type, nullable, default));
        Ok(())
    }

    fn constraint(&mut self, constraint: &TableConstraint) -> Result<(), EngineError> {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                let columns = index_columns(&key.columns)?;
                self.key("P", key.name.as_ref().map(folded), &columns);
            }
            TableConstraint::Unique(key) => {
                let columns = index_columns(&key.columns)?;
                self.key("U", key.name.as_ref().map(folded), &columns);
            }
            TableConstraint::ForeignKey(key) => {
                let columns: Vec<String> = key.columns.iter().map(folded).collect();
                let name = key.name.as_ref().map(folded);
                self.reference(name, &columns, &key.foreign_table, &key.referred_columns)?;
            }
            TableConstraint::Check(check) => {
                self.check(check.name.as_ref().map(folded), &check.expr)?;
            }
            _ => return Err(errors::unsupported("this constraint")),
        }
        Ok(())
    }

    fn key(&mut self, kind: &str, name: Option<String>, columns: &[String]) {
        let name = name.unwrap_or_else(|| self.serial());
        let word = if kind == "P" { "PRIMARY KEY" } else { "UNIQUE" };
        let list = quoted_list(columns);
        self.pieces.push(format!("CONSTRAINT {} {word} ({list})", quoted(&name)));
        let step = self.registered(kind, &name, columns, "NULL", "NULL", None);
        self.keys.extend(step);
    }

    fn reference(
        &mut self,
        name: Option<String>,
        columns: &[String],
        table: &ObjectName,
        referred: &[Ident],
    ) -> Result<(), EngineError> {
        let name = name.unwrap_or_else(|| self.serial());
        let target = named(self.session, table)?;
        if target != self.name {
            let catalog = self.session.catalog();
            Translator::new(self.session.scope(&catalog), &[]).resolve(table)?;
        }
        let referred: Vec<String> = referred.iter().map(folded).collect();
        let list = if referred.is_empty() {
            String::new()
        } else {
            format!(" ({})", quoted_list(&referred))
        };
        self.pieces.push(format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}{list}",
            quoted(&name),
            quoted_list(columns),
            qualified(&target)
        ));
        let texts: Vec<String> = referred.iter().map(|column| literal(column)).collect();
        // The key that has these columns, or else the primary one.
        let key = format!(
            "(SELECT c.name FROM registry.constraints c WHERE {} AND c.kind IN ('P', 'U') \
             ORDER BY (SELECT array_agg(k.column_name ORDER BY k.column_name) \
               FROM registry.constraint_columns k WHERE k.owner = c.owner AND k.name = c.name) \
               = (SELECT array_agg(n ORDER BY n) FROM unnest(ARRAY[{}]::text[]) n) DESC NULLS LAST, \
               c.kind LIMIT 1)",
            is_named(&target, "c.owner", "c.table_name"),
            texts.join(", ")
        );
        let step = self.registered("R", &name, columns, &literal(&target.0), &key, None);
        self.references.extend(step);
        Ok(())
    }

    fn check(&mut self, name: Option<String>, expr: &Expr) -> Result<(), EngineError> {
        let name = name.unwrap_or_else(|| self.serial());
        let catalog = self.session.catalog();
        let condition = Translator::new(self.session.scope(&catalog), &[]).condition(expr)?;
        self.pieces.push(format!("CONSTRAINT {} CHECK ({condition})", quoted(&name)));
        let text = expr.to_string();
        let step = self.registered("C", &name, &[], "NULL", "NULL", Some(&text));
        self.keys.extend(step);
        Ok(())
    }

    fn registered(
        &self,
        kind: &str,
        name: &str,
        columns: &[String],
        referred_owner: &str,
        referred: &str,
        condition: Option<&str>,
    ) -> Vec<String> {
        let (owner, table) = (literal(&self.name.0), literal(&self.name.1));
        let name = literal(name);
        let mut steps = vec![format!(
            "INSERT INTO registry.constraints VALUES \
             ({owner}, {name}, '{kind}', {table}, {referred_owner}, {referred}, {})",
            literal_or_null(condition)
        )];
        for (at, column) in columns.iter().enumerate() {
            steps.push(format!(
                "INSERT INTO registry.constraint_columns VALUES ({owner}, {name}, {table}, {}, {})",
                literal(column),
                at + 1
            ));
        }
        steps
    }

    fn expression(&self, expr: &Expr) -> Result<String, EngineError> {
        let catalog = self.session.catalog();
        Translator::new(self.session.scope(&catalog), &[]).scalar(expr)
    }

    /// A name for what has none.
    fn serial(&self) -> String {
        format!("SYS_C{:06}", self.session.shared.names.fetch_add(1, Ordering::Relaxed))
    }
}

fn primary_key(create: &CreateTable) -> Vec<String> {
    let keys = create.constraints.iter().filter_map(|constraint| match constraint {
        TableConstraint::PrimaryKey(key) => index_columns(&key.columns).ok(),
        _ => None,
    });
    keys.flatten().collect()
}

fn index_columns(columns: &[sqlparser::ast::IndexColumn]) -> Result<Vec<String>, EngineError> {
    columns
        .iter()
        .map(|column| match &column.column.expr {
            Expr::Identifier(name) => Ok(folded(name)),
            _ => Err(errors::ora(904, "invalid identifier")),
        })
        .collect()
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}
