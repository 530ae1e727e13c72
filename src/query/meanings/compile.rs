//! One definition over bare schemas: its statement is checked, planned, and asked what it needs.

use super::expand::{self, expand};
use super::needs::Needs;
use super::{Outcome, VIEWS};
use crate::error::Error;
use crate::model::{ColumnDescription, TableEntry, TableRef, sql_type_name};
use crate::query::planner::{Planner, Sources};
use crate::query::request::Parameters;
use crate::query::statement::Statement;
use crate::query::supervise::with_deadline;
use crate::query::{escapes, failure, names, parameters};
use crate::semantics::{CuratedView, Defined, Metric, Parameter, SemanticsError, Tool};
use arrow_schema::{Field, Schema};
use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::logical_plan::LogicalTableSource;
use sqlparser::ast::{Query, Statement as Ast, Value, Visit, Visitor};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that one statement is planned.
const PATIENCE: Duration = Duration::from_secs(10);

/// A definition that fits the catalog.
#[derive(Debug)]
pub(super) struct Compiled {
    /// What of the catalog it names.
    pub(super) needs: Needs,
    /// Name and type of its columns.
    pub(super) columns: Vec<(String, String)>,
    /// The statement, where it stands for a table.
    pub(super) query: Option<Box<Query>>,
}

/// Compiles definitions over tables.
pub(super) struct Compiler<'a> {
    planner: &'a Planner,
    /// By full name, in lower case.
    tables: HashMap<String, Vec<&'a Arc<TableEntry>>>,
    absent: &'a [Arc<str>],
    /// The views so far.
    views: Vec<(String, Box<Query>)>,
    /// Views over sources that have not said what they hold: neither they nor what names them is known yet.
    unknown: Vec<String>,
}

/// Why a statement has no plan.
enum Failure {
    /// Its source has not said what it holds.
    Absent,
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        Self::Wrong(format!("{}{hint}", error.message))
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        planner: &'a Planner,
        tables: &'a [Arc<TableEntry>],
        absent: &'a [Arc<str>],
    ) -> Self {
        let mut by_name: HashMap<String, Vec<&Arc<TableEntry>>> = HashMap::new();
        for table in tables {
            by_name.entry(table.reference.to_string().to_lowercase()).or_default().push(table);
        }
        Self { planner, tables: by_name, absent, views: Vec::new(), unknown: Vec::new() }
    }

    /// A view, which later views and all other definitions may name.
    pub(super) fn view(&mut self, view: &CuratedView) -> Outcome {
        let mut compiled = self.statement(&view.defined, &view.sql, &[]);
        if let Ok(Some(compiled)) = &mut compiled {
            let mut names = BTreeSet::new();
            let twice = compiled.columns.iter().find(|(name, _)| !names.insert(name.clone()));
            if let Some((name, _)) = twice {
                return Err(view.defined.error(format!("sql: it has two columns named {name}")));
            }
            compiled.query = self.query(&view.sql).map(Box::new);
            let query = compiled.query.clone();
            self.views.extend(query.map(|query| (view.defined.name.clone(), query)));
        } else if matches!(compiled, Ok(None)) {
            self.unknown.push(view.defined.name.clone());
        }
        compiled
    }

    pub(super) fn metric(&self, metric: &Metric) -> Outcome {
        let Metric { defined, expression, filters, table, .. } = metric;
        let compiled = self.plan(&metric_sql(expression, table, filters, &defined.name), &[]);
        let (compiled, plan) = match compiled {
            Ok(planned) => planned,
            Err(Failure::Absent) => return Ok(None),
            Err(Failure::Wrong(text)) => return Err(defined.error(text)),
        };
        let mut is_aggregate = false;
        let walked = plan.apply(|node| {
            is_aggregate |= matches!(node, LogicalPlan::Aggregate(_));
            Ok(TreeNodeRecursion::Continue)
        });
        if walked.is_err() || !is_aggregate || compiled.columns.len() != 1 {
            return Err(defined.error("expression: write one aggregate, such as sum(total)"));
        }
        Ok(Some(compiled))
    }

    pub(super) fn tool(&self, tool: &Tool) -> Outcome {
        let compiled = self.statement(&tool.defined, &tool.sql, &tool.parameters)?;
        if let Some(compiled) = &compiled
            && !tool.output.is_empty()
        {
            let of = |columns: &[(String, String)]| {
                let columns = columns.iter().map(|(name, kind)| format!("{name} {kind}"));
                columns.collect::<Vec<_>>().join(", ")
            };
            let same = tool.output.len() == compiled.columns.len()
                && tool.output.iter().zip(&compiled.columns).all(|(declared, found)| {
                    declared.0 == found.0 && is_type(&declared.1, &found.1)
                });
            if !same {
                let found = of(&compiled.columns);
                return Err(tool.defined.error(format!("output: the statement gives {found}")));
            }
        }
        Ok(compiled)
    }

    pub(super) fn statement(
        &self,
        defined: &Defined,
        sql: &str,
        parameters: &[Parameter],
    ) -> Outcome {
        let wrong = |text: String| -> SemanticsError { defined.error(format!("sql: {text}")) };
        match self.plan(sql, parameters) {
            Ok((compiled, _)) => Ok(Some(compiled)),
            Err(Failure::Absent) => Ok(None),
            Err(Failure::Wrong(text)) => Err(wrong(text)),
        }
    }

    /// A statement as the body of a derived table.
    fn query(&self, sql: &str) -> Option<Query> {
        let mut ast = Statement::parse_for(sql, None).ok()?.into_ast();
        self.expand(&mut ast).ok()?;
        match ast {
            Ast::Query(query) => Some(*query),
            _ => None,
        }
    }

    fn expand(&self, ast: &mut Ast) -> Result<(), Failure> {
        let find = |parts: &[String]| {
            let name = expand::full_name(parts)?;
            let (name, query) = self.views.iter().find(|(known, _)| known == name)?;
            Some((name.clone(), query.clone()))
        };
        Ok(expand(ast, find)?)
    }

    fn plan(
        &self,
        sql: &str,
        parameters: &[Parameter],
    ) -> Result<(Compiled, LogicalPlan), Failure> {
        let ast = Statement::parse_for(sql, None)?.into_ast();
        placeholders(&ast, parameters)?;
        let examples: Vec<_> = parameters.iter().map(|p| (&p.name, p.examples())).collect();
        let most = examples.iter().map(|(_, examples)| examples.len()).max().unwrap_or(1);
        let mut failure = Failure::Absent;
        for at in 0..most {
            let value = |examples: &[serde_json::Value]| {
                examples.get(at.min(examples.len().saturating_sub(1))).cloned().unwrap_or_default()
            };
            let values = examples.iter().map(|(name, of)| ((*name).clone(), value(of)));
            let values = match parameters.is_empty() {
                true => Parameters::None,
                false => Parameters::Named(values.collect()),
            };
            match self.planned(ast.clone(), &values) {
                Ok(planned) => return Ok(planned),
                // What the first values give is what an administrator understands.
                Err(wrong) if at == 0 => failure = wrong,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    fn planned(
        &self,
        mut ast: Ast,
        values: &Parameters,
    ) -> Result<(Compiled, LogicalPlan), Failure> {
        parameters::bind(&mut ast, values)?;
        self.expand(&mut ast)?;
        escapes::rewrite(&mut ast)?;
        let (mut ast, referenced) = names::referenced(ast)?;
        let (mut sources, mut tables) = (Sources::new(), HashMap::new());
        let mut columns = BTreeSet::new();
        for name in referenced {
            let entry = self.table(&name)?;
            let schema = whole_schema(entry);
            columns.extend(schema.fields().iter().map(|field| field.name().clone()));
            sources.insert(name.clone(), Arc::new(LogicalTableSource::new(Arc::new(schema))));
            tables.insert(name, entry.clone());
        }
        names::fold_quoted_to(&mut ast, columns);
        let plan =
            with_deadline(Instant::now() + PATIENCE, || self.planner.logical_over(ast, &sources));
        let plan =
            plan.map_err(|error| failure::of_planning(error, self.planner.functions(), None))?;
        let columns = plan.schema().fields().iter();
        let columns = columns.map(|f| (f.name().clone(), sql_type_name(f.data_type()))).collect();
        Ok((Compiled { needs: Needs::of(&plan, &tables), columns, query: None }, plan))
    }

    fn table(&self, name: &TableReference) -> Result<&'a Arc<TableEntry>, Failure> {
        let TableReference::Full { catalog, schema, table } = name else {
            let text = format!("write {name} with its source and schema, as source.schema.table");
            return Err(Failure::Wrong(text));
        };
        let exact = TableRef::new(catalog, schema, table);
        let found = self.tables.get(&exact.to_string().to_lowercase());
        let found = found.map(Vec::as_slice).unwrap_or_default();
        match found.iter().find(|entry| entry.reference == exact).or(found.first()) {
            Some(entry) => Ok(entry),
            None if self.absent.contains(&exact.source) => Err(Failure::Absent),
            None if catalog.as_ref() == VIEWS[0] && schema.as_ref() == VIEWS[1] => {
                if self.unknown.iter().any(|view| view == table.as_ref()) {
                    return Err(Failure::Absent);
                }
                Err(Failure::Wrong(format!("there is no view {table} above")))
            }
            None => Err(Failure::Wrong(format!("there is no table {name}"))),
        }
    }
}

/// The statement that gives a metric's figure.
pub(in crate::query) fn metric_sql(
    expression: &str,
    table: &TableRef,
    filters: &[String],
    name: &str,
) -> String {
    let table = [&table.source, &table.schema, &table.table].map(|part| identifier(part)).join(".");
    let filters: Vec<String> = filters.iter().map(|filter| format!("({filter})")).collect();
    let condition = match filters.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", filters.join(" AND ")),
    };
    format!("SELECT {expression} AS {name} FROM {table}{condition}")
}

/// A name as SQL reads it back.
fn identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Every column of a table, named as for a caller who may see all of them.
fn whole_schema(entry: &TableEntry) -> Schema {
    let columns = &entry.description.columns;
    let lower: Vec<String> = columns.iter().map(|column| column.name.to_lowercase()).collect();
    let field = |(at, column): (usize, &ColumnDescription)| {
        let clash = lower.iter().enumerate().any(|(other, name)| other != at && *name == lower[at]);
        let name = if clash { column.name.clone() } else { lower[at].clone() };
        Field::new(name, column.data_type.clone(), true)
    };
    Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>())
}

/// A type as it was written down, with or without its digits.
fn is_type(declared: &str, found: &str) -> bool {
    found == declared || found.strip_prefix(declared).is_some_and(|rest| rest.starts_with('('))
}

/// Every placeholder must be a parameter, and every parameter must be used.
fn placeholders(ast: &Ast, parameters: &[Parameter]) -> Result<(), Failure> {
    let mut found = Placeholders(BTreeSet::new());
    let _: ControlFlow<()> = Visit::visit(ast, &mut found);
    if let Some(unknown) = found.0.iter().find(|name| !parameters.iter().any(|p| p.name == **name))
    {
        return Err(Failure::Wrong(format!("${unknown} is not among the parameters")));
    }
    match parameters.iter().find(|parameter| !found.0.contains(&parameter.name)) {
        Some(unused) => Err(Failure::Wrong(format!("the parameter {} is not used", unused.name))),
        None => Ok(()),
    }
}

struct Placeholders(BTreeSet<String>);

impl Visitor for Placeholders {
    type Break = ();

    fn pre_visit_value(&mut self, value: &sqlparser::ast::ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(name) = &value.value {
            self.0.insert(name.trim_start_matches('$').to_string());
        }
        ControlFlow::Continue(())
    }
}
