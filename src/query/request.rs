//! What the MCP surface asks of the engine, and what it gets.

use crate::audit::Receipt;
use crate::model::Page;
use crate::results::{ChartSpec, Drawing, FileFormat};
use serde_json::Value as Json;
use tokio::sync::watch;

/// Parameters of a statement: by position (`$1`) or by name (`$region`).
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Parameters {
    /// None given.
    #[default]
    None,
    /// `$1` is the first.
    Positional(Vec<Json>),
    /// `$name`.
    Named(serde_json::Map<String, Json>),
}

/// One question.
#[derive(Debug, Clone, Default)]
pub struct QueryRequest {
    /// The statement, untrusted.
    pub sql: String,
    /// Its parameters, untrusted.
    pub parameters: Parameters,
    /// Rows of the first page; the configured cap where absent or larger.
    pub limit: Option<usize>,
    /// Whether a person has been asked and wants it to run, whatever the sources expect it to cost.
    pub accepts_cost: bool,
    /// Where a person wants it to run.
    pub run_on: RunOn,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// Where a statement is to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunOn {
    /// Where the server thinks best.
    #[default]
    Either,
    /// In the server's own process.
    Server,
    /// On the executors, if it can.
    Executors,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// The first page.
    pub page: Page,
    /// What was done, durable in the audit before this value exists.
    pub receipt: Receipt,
    /// What the reader should know, in sentences.
    pub warnings: Vec<String>,
}

/// What a statement would do, without running it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Explanation {
    /// The statement's columns.
    pub columns: Vec<crate::model::ColumnInfo>,
    /// The governed plan, one operator per line.
    pub plan: String,
    /// The SQL per source, with placeholders.
    pub sources: Vec<SourceStatement>,
    /// The masks that would be applied.
    pub masks: Vec<crate::model::AppliedMask>,
    /// The row filters that would be applied.
    pub filters: Vec<crate::model::AppliedFilter>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// One statement that would be sent.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SourceStatement {
    /// The source's name.
    pub name: String,
    /// The statement with placeholders.
    pub sql: String,
}

/// A page of a stored result.
#[derive(Debug, Clone, Default)]
pub struct FetchRequest {
    /// The handle that an answer carried, or the id of its receipt.
    pub handle: String,
    /// Index of the first row; 0 where absent.
    pub offset: Option<usize>,
    /// Rows of the page; the configured cap where absent or larger.
    pub limit: Option<usize>,
    /// `csv` for the whole stored result as one text.
    pub format: Option<String>,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// A page of a stored result, or all of it as text.
#[derive(Debug)]
pub struct Fetched {
    /// The page.
    pub page: Page,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// The whole stored result, where a format was asked for.
    pub export: Option<String>,
}

/// A whole kept result as a file.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// The handle that an answer carried, or the id of its receipt.
    pub handle: String,
    /// The kind of file.
    pub format: FileFormat,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// A file of a kept result.
#[derive(Debug)]
pub struct Export {
    /// The file.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: usize,
    /// Whether the statement has more rows than were kept.
    pub truncated: bool,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// A picture of a kept result.
#[derive(Debug, Clone)]
pub struct ChartRequest {
    /// The handle that an answer carried, or the id of its receipt.
    pub handle: String,
    /// What is drawn.
    pub chart: ChartSpec,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// The picture.
#[derive(Debug)]
pub struct Chart {
    /// What was drawn.
    pub drawing: Drawing,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// A question about what there is.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// The question or its key words.
    pub question: String,
    /// Tables at most; as many as fit where absent.
    pub limit: Option<usize>,
    /// About how long the reply's text may be; without a bound where absent.
    pub max_tokens: Option<usize>,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// A question about tables.
#[derive(Debug, Clone, Default)]
pub struct DescribeRequest {
    /// Names of tables with commas between them, or of a source.
    pub name: Option<String>,
    /// A question whose tables are described, where no name is given.
    pub question: Option<String>,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// A call of a tool that an organisation declared.
#[derive(Debug, Clone, Default)]
pub struct ToolRequest {
    /// The tool's name, untrusted.
    pub name: String,
    /// Its arguments, untrusted.
    pub arguments: serde_json::Map<String, Json>,
    /// Whether a person has been asked and wants its statement to run, whatever the sources expect it to cost.
    pub accepts_cost: bool,
    /// The client's name and version, for the audit.
    pub client: String,
}

/// A declared tool that the caller may use.
#[derive(Debug, Clone)]
pub struct DeclaredTool {
    /// Its name.
    pub name: String,
    /// What it answers.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input: Json,
    /// Name and type of the columns of its answer, where nothing is masked.
    pub columns: Vec<(String, String)>,
}

/// A verified question that the caller may see.
#[derive(Debug, Clone)]
pub struct VerifiedQuestion {
    /// Its name.
    pub name: String,
    /// The question, in the words that it is asked in first.
    pub question: String,
    /// The statement that answers it.
    pub sql: String,
}

/// A reply that says the same as text and as data.
#[derive(Debug, Clone)]
pub struct Reply {
    /// For a model.
    pub text: String,
    /// For a program.
    pub structured: Json,
}

/// A table that the caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleName {
    /// The source.
    pub source: String,
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// What it holds.
    pub description: Option<String>,
}

/// A question in words, for the configured language model.
#[derive(Debug, Clone, Default)]
pub struct AskRequest {
    /// The question, untrusted.
    pub question: String,
    /// Rows of the first page; the configured cap where absent or larger.
    pub limit: Option<usize>,
    /// A verified question that the model is not shown.
    pub withheld: Option<String>,
    /// The client's name and version, for the audit.
    pub client: String,
    /// Where it is said how far the work has come.
    pub stage: Stage,
}

/// How far a long call has come, for whoever waits for it.
#[derive(Debug, Clone, Default)]
pub struct Stage(Option<watch::Sender<&'static str>>);

impl Stage {
    /// A stage, and where it can be seen.
    pub fn seen() -> (Self, watch::Receiver<&'static str>) {
        let (sender, receiver) = watch::channel("");
        (Self(Some(sender)), receiver)
    }

    /// From now on this is being done.
    pub(super) fn is(&self, doing: &'static str) {
        if let Some(sender) = &self.0 {
            sender.send_replace(doing);
        }
    }
}

/// An answer to a question in words.
#[derive(Debug)]
pub struct Asked {
    /// The answer of the statement, as `query` gives it.
    pub answer: Answer,
    /// The statement, in the model's words.
    pub sql: String,
    /// What the model says it took for granted. Nobody has checked it.
    pub assumptions: Vec<String>,
    /// The model's name.
    pub model: String,
    /// How many statements of its were refused before this one.
    pub repairs: usize,
}
