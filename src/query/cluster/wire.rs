//! A governed leaf as bytes: what another process needs to run it, and no more. No credential, no key
//! of a mask: an executor has its own.

use super::super::leaf::GovernedScan;
use super::super::local::{Condition, LocalOutput, LocalWork, Shown};
use super::super::scan_plan::{Asked, ScanPlan};
use super::Statement;
use super::columns;
use crate::error::{Error, Result};
use crate::limits::Allowance;
use crate::model::{Mask, Predicate, Value};
use arrow_schema::{DataType, Field, Schema};
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{Caller, Parts, RenderedQuery};
use datafusion::common::DataFusionError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One governed read and the statement it is part of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Leaf {
    /// The statement's name at the sources.
    pub(super) query: String,
    /// When it must have ended, in milliseconds since 1970.
    pub(super) deadline: u64,
    /// The policy it was decided under.
    pub(super) policy: String,
    /// Which key makes pseudonyms.
    pub(super) epoch: Option<String>,
    /// The day masks reckon with.
    pub(super) today: i32,
    user: String,
    issuer: Option<String>,
    roles: BTreeSet<String>,
    pub(super) accepts_cost: bool,
    /// What the caller may still read today.
    pub(super) allowance: Option<Allowance>,
    pub(super) source: String,
    /// The statement as the caller may read it.
    pub(super) shown: String,
    read: Read,
}

/// What the source is sent, and what the leaf does with each batch.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    /// One for each part.
    statements: Vec<String>,
    /// The snapshot that all parts read.
    snapshot: Option<String>,
    parameters: Vec<Value>,
    /// What comes back.
    fetched: Bytes,
    defer_unfit: bool,
    rows_hint: Option<u64>,
    filter: Option<Predicate>,
    outputs: Vec<Output>,
    unfit: Vec<Unfit>,
    /// The governed columns.
    governed: Bytes,
}

type Bytes = Vec<u8>;
type Engines<T> = datafusion::common::Result<T>;

#[derive(Debug, Serialize, Deserialize)]
enum Output {
    Fetched(usize),
    /// NULL of the governed column's type.
    Null,
    Masked {
        fetched: usize,
        mask: Option<Mask>,
        visible: Option<Predicate>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Unfit {
    output: usize,
    fetched: usize,
    bit: u64,
    name: String,
}

impl Leaf {
    /// A scan of a statement, in parts where it has some.
    pub(super) fn of(
        scan: &GovernedScan,
        parts: Option<&Parts>,
        statement: &Statement,
    ) -> Engines<Self> {
        Ok(Self {
            query: statement.query.clone(),
            deadline: statement.deadline,
            policy: statement.policy.clone(),
            epoch: statement.epoch.clone(),
            today: statement.today,
            user: statement.caller.user.clone(),
            issuer: statement.caller.issuer.clone(),
            roles: statement.caller.roles.clone(),
            accepts_cost: statement.accepts_cost,
            allowance: statement.allowance.clone(),
            source: scan.source().to_string(),
            shown: scan.sql().to_string(),
            read: Read::of(scan.plan(), parts)?,
        })
    }

    pub(super) fn write(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| Error::internal(error.to_string()))
    }

    /// Who asks, for a source that is told.
    pub(super) fn caller(&self) -> Caller {
        Caller { user: self.user.clone(), issuer: self.issuer.clone(), roles: self.roles.clone() }
    }

    /// A part of the read, ready to run.
    pub(super) fn plan(self, part: usize) -> Engines<ScanPlan> {
        self.read.plan(part)
    }
}

impl Read {
    fn of(plan: &ScanPlan, parts: Option<&Parts>) -> Engines<Self> {
        let RenderedQuery { sql, parameters, columns, defer_unfit, rows_hint, splits: _ } =
            &plan.rendered;
        let fetched = columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true));
        let local = &plan.local;
        Ok(Self {
            statements: parts.map_or_else(|| vec![sql.clone()], |parts| parts.statements.clone()),
            snapshot: parts.and_then(|parts| parts.snapshot.as_deref().map(String::from)),
            parameters: parameters.clone(),
            fetched: columns::written(&Schema::new(fetched.collect::<Vec<_>>()))?,
            defer_unfit: *defer_unfit,
            rows_hint: *rows_hint,
            filter: local.filter.as_ref().map(|filter| filter.predicate.clone()),
            outputs: local.outputs.iter().map(Output::of).collect(),
            unfit: local.shown.iter().map(Unfit::of).collect(),
            governed: columns::written(&plan.schema)?,
        })
    }

    fn plan(mut self, part: usize) -> Engines<ScanPlan> {
        if part >= self.statements.len() {
            return Err(DataFusionError::Internal("a read has no such part".into()));
        }
        let sql = self.statements.swap_remove(part);
        let fetched = columns::read(&self.fetched)?;
        let columns = fetched.fields().iter().map(|field| RenderedColumn {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
        });
        let rendered = RenderedQuery {
            sql,
            parameters: self.parameters,
            columns: columns.collect(),
            defer_unfit: self.defer_unfit,
            rows_hint: self.rows_hint,
            splits: None,
        };
        let compile = |predicate: Predicate| Condition::new(predicate, &fetched);
        let governed = columns::read(&self.governed)?;
        let types = governed.fields().iter().map(|field| field.data_type());
        let outputs = self
            .outputs
            .into_iter()
            .zip(types)
            .map(|(output, data_type)| output.compiled(data_type, &compile));
        let local = LocalWork {
            filter: self.filter.map(compile).transpose()?,
            outputs: outputs.collect::<Engines<_>>()?,
            shown: self.unfit.into_iter().map(Unfit::shown).collect(),
        };
        let asked = Asked::Elsewhere { snapshot: self.snapshot.map(Arc::from) };
        Ok(ScanPlan { rendered, asked, local: Arc::new(local), schema: governed })
    }
}

impl Output {
    fn of(output: &LocalOutput) -> Self {
        match output {
            LocalOutput::Fetched(at) => Self::Fetched(*at),
            LocalOutput::Null(_) => Self::Null,
            LocalOutput::Masked { fetched, mask, visible } => Self::Masked {
                fetched: *fetched,
                mask: mask.clone(),
                visible: visible.as_ref().map(|visible| visible.predicate.clone()),
            },
        }
    }

    fn compiled(
        self,
        data_type: &DataType,
        compile: &impl Fn(Predicate) -> Engines<Condition>,
    ) -> Engines<LocalOutput> {
        Ok(match self {
            Self::Fetched(at) => LocalOutput::Fetched(at),
            Self::Null => LocalOutput::Null(data_type.clone()),
            Self::Masked { fetched, mask, visible } => {
                LocalOutput::Masked { fetched, mask, visible: visible.map(compile).transpose()? }
            }
        })
    }
}

impl Unfit {
    fn of(shown: &Shown) -> Self {
        let Shown { output, fetched, bit, name } = shown;
        Self { output: *output, fetched: *fetched, bit: *bit, name: name.clone() }
    }

    fn shown(self) -> Shown {
        let Self { output, fetched, bit, name } = self;
        Shown { output, fetched, bit, name }
    }
}
