//! The command line.

use super::audit::{self, AuditCommand};
use super::catalog::{self, CatalogCommand};
use super::policy::{self, PolicyCommand};
use super::{commands, connect, doctor, eval, executors, init, man, token, usage, verify};
use crate::telemetry;
use clap::{CommandFactory, Parser, Subcommand};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "celosia",
    version,
    about = "Read-only, governed SQL over many databases for AI clients (MCP)"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: two embedded databases with invented people, no set-up
    Demo {
        /// Speak MCP over stdin and stdout instead of HTTP
        #[arg(long, conflicts_with = "listen")]
        stdio: bool,
        /// Address for HTTP
        #[arg(long, default_value = "127.0.0.1:8017")]
        listen: SocketAddr,
        /// Who you are: analyst, support or compliance
        #[arg(long, default_value = "analyst")]
        role: String,
        /// Where the demo's files are kept
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Make a working configuration: asks the sources what they hold, masks what looks personal
    Init(init::Init),
    /// Print what an AI client needs to know to use this server
    Connect {
        /// The client
        client: connect::Client,
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write the pages of all commands into this directory
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Serve MCP over HTTP
    Serve {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Address, instead of the configured one
        #[arg(long)]
        listen: Option<SocketAddr>,
    },
    /// Serve MCP over stdin and stdout, for the local user
    Stdio {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The user's name for the audit, instead of the configured one
        #[arg(long)]
        user: Option<String>,
    },
    /// Divide large statements among executors (needs a build with `ballista`)
    Scheduler {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Address, instead of the configured one; the port is that of `engine.scheduler`
        #[arg(long)]
        listen: Option<IpAddr>,
    },
    /// Run parts of large statements for a server (needs a build with `ballista`)
    Executor {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Check a configuration against its sources, without serving
    Check {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Look at what the sources' logins may do beyond reading, and whether writes are refused
    Doctor {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// This source only
        #[arg(long)]
        source: Option<String>,
    },
    /// Compare what the sources answer with the engine's own work over their rows, as the local user
    VerifyPushdown {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// This source only
        #[arg(long)]
        source: Option<String>,
        /// Larger tables are left out: each is read whole, many times
        #[arg(long, default_value_t = 100_000)]
        most_rows: u64,
    },
    /// Explain, test and compare policies
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Replay the verified questions and compare them with how they were answered before
    Eval(eval::Eval),
    /// Work with the semantic layer
    Semantics {
        #[command(subcommand)]
        command: SemanticsCommand,
    },
    /// Work with the catalog lock: what was taken in, and what waits
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Propose masking rules for columns that look like personal data
    SuggestMasks {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// This source only
        #[arg(long)]
        source: Option<String>,
        /// Rows of each table that are looked at; 0 looks at names alone
        #[arg(long, default_value_t = 50)]
        samples: u64,
    },
    /// Work with the audit log
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Say what each caller and each source used, day by day
    Usage(usage::Usage),
    /// Work with API keys
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Work with tokens of identity providers
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Print the JSON Schema of a configuration file
    Schema {
        /// celosia, masking-rules, semantics, policy-tests, catalog-lock or keys; all of them are written to --out
        name: Option<String>,
        /// Write every schema into this directory
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Ask a running server whether it is healthy (for containers)
    Health {
        /// The server's address
        #[arg(long, default_value = "127.0.0.1:8017")]
        address: SocketAddr,
        /// Only whether something listens there, as for a scheduler or an executor
        #[arg(long)]
        connect: bool,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key: its text for the client, its hash for keys.yaml
    New,
}

#[derive(Debug, Subcommand)]
enum SemanticsCommand {
    /// Print a model of the Open Semantic Interchange as a file for schemas/; what is left out is told on stderr
    Import {
        /// The model, a YAML file
        file: PathBuf,
        /// The source here that is the database of the model
        #[arg(long)]
        source: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Say who a token's holder would be, and why it would be refused; the token is never printed
    Explain {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The file that holds the token, instead of standard input
        #[arg(long)]
        token_file: Option<PathBuf>,
        /// A client's certificate (PEM), instead of a token
        #[arg(long, conflicts_with = "token_file")]
        certificate: Option<PathBuf>,
    },
}

/// The command line as it is declared: for completions, manual pages and the tests of what is documented.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let is_server = matches!(
        arguments.command,
        Command::Demo { .. }
            | Command::Serve { .. }
            | Command::Stdio { .. }
            | Command::Scheduler { .. }
            | Command::Executor { .. }
    );
    let outbox = telemetry::start(is_server);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let done = runtime.block_on(telemetry::exported(outbox, async {
        match arguments.command {
            Command::Demo { stdio, listen, role, data } => {
                commands::demo(stdio, listen, &role, data).await
            }
            Command::Init(asked) => init::run(asked).await,
            Command::Connect { client, config } => connect::run(client, &config),
            Command::Completions { shell } => {
                let (mut command, mut out) = (command(), std::io::stdout());
                clap_complete::generate(shell, &mut command, "celosia", &mut out);
                Ok(())
            }
            Command::Man { out } => man::print(command(), out.as_deref()),
            Command::Serve { config, listen } => commands::serve(&config, listen).await,
            Command::Stdio { config, user } => commands::stdio(&config, user.as_deref()).await,
            Command::Scheduler { config, listen } => executors::scheduler(&config, listen).await,
            Command::Executor { config } => Box::pin(executors::executor(&config)).await,
            Command::Check { config } => commands::check(&config).await,
            Command::Doctor { config, source } => doctor::doctor(&config, source.as_deref()).await,
            Command::VerifyPushdown { config, source, most_rows } => {
                verify::verify_pushdown(&config, source.as_deref(), most_rows).await
            }
            Command::Policy { command } => policy::run(command).await,
            Command::Semantics { command: SemanticsCommand::Import { file, source } } => {
                commands::import_semantics(&file, source.as_deref())
            }
            Command::Eval(asked) => Box::pin(eval::run(asked)).await,
            Command::Catalog { command } => catalog::run(command).await,
            Command::SuggestMasks { config, source, samples } => {
                catalog::suggest(&config, source.as_deref(), samples).await
            }
            Command::Audit { command } => Box::pin(audit::run(command)).await,
            Command::Usage(asked) => usage::run(asked).await,
            Command::Keys { command: KeysCommand::New } => commands::new_key(),
            Command::Token {
                command: TokenCommand::Explain { config, token_file, certificate },
            } => match certificate {
                Some(file) => token::explain_certificate(&config, &file),
                None => token::explain(&config, token_file.as_deref()).await,
            },
            Command::Schema { name, out } => commands::schema(name.as_deref(), out.as_deref()),
            Command::Health { address, connect } => commands::health(address, connect).await,
        }
    }));
    // A reader of stdin may block for ever; what matters has ended.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error.as_ref()),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "celosia: {error}");
    ExitCode::FAILURE
}
