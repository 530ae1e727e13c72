//! A throw-away PostgreSQL cluster on 127.0.0.1, for tests.
//!
//! Everything lives in a temporary directory. A small shell watches a pipe whose other end this process
//! holds: when the process ends, however it ends, the pipe closes, and the shell stops the server and
//! removes the directory.

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A running server. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub struct PostgresCluster {
    bin: PathBuf,
    runner: Vec<OsString>,
    port: u16,
    databases: AtomicU32,
    watchdog: Child,
    directory: TempDir,
}

/// Where servers are installed, besides `PATH`.
const PLACES: [&str; 4] =
    ["/usr/local/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/bin"];
/// What is run, so what must be there.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "postgres", "psql"];
/// Another process may take the free port first.
const START_ATTEMPTS: u32 = 5;

/// Durability is of no use to a test.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off \
                        -c full_page_writes=off -c max_connections=100 -c autovacuum=off";

impl PostgresCluster {
    /// Makes a cluster and starts its server.
    ///
    /// The default collation is linguistic (ICU, English) where the server can do that, so that a
    /// text order by bytes must be asked for.
    ///
    /// # Errors
    /// What is missing and how to get it, or what the server said.
    pub fn start() -> Result<Self, String> {
        let bin = find_programs()?;
        let directory = TempDir::with_prefix("celosia-pg-").map_err(|e| format!("tempdir: {e}"))?;
        let runner = unprivileged(directory.path())?;
        let watchdog = watch(&bin, directory.path(), &runner)?;
        let mut cluster =
            Self { bin, runner, port: 0, databases: AtomicU32::new(0), watchdog, directory };
        cluster.init()?;
        cluster.launch()?;
        Ok(cluster)
    }

    /// The cluster that all tests of this process share; it is stopped when the process ends.
    ///
    /// # Errors
    /// As [`PostgresCluster::start`], the same for every caller.
    pub fn shared() -> Result<&'static PostgresCluster, String> {
        static SHARED: OnceLock<Result<PostgresCluster, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database for a user; there are no passwords and no TLS.
    pub fn url(&self, database: &str, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// A new database, as its superuser's URL. Its name is the URL's path.
    ///
    /// # Errors
    /// What the server said.
    pub fn create_database(&self) -> Result<String, String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.execute("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name, "postgres"))
    }

    /// Runs statements as the superuser and returns what they print: one line a row, `|` between
    /// columns.
    ///
    /// # Errors
    /// What the server said about the first statement that failed.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
        ])
        .args(["-U", "postgres", "-d", database, "-f", "-"])
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGOPTIONS", "-c client_min_messages=warning");
        run(&mut psql, Some(sql)).map(|output| output.trim_end().to_string())
    }

    /// Stops the server as an administrator would (sessions are ended) and starts it again, on the
    /// same port.
    ///
    /// # Errors
    /// What `pg_ctl` said.
    pub fn restart(&self) -> Result<(), String> {
        self.control(&["restart", "-m", "fast"])
    }

    /// Stops the server; [`PostgresCluster::restart`] starts it again.
    ///
    /// # Errors
    /// What `pg_ctl` said.
    pub fn stop(&self) -> Result<(), String> {
        self.control(&["stop", "-m", "fast"])
    }

    fn init(&self) -> Result<(), String> {
        let linguistic = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"];
        let mut outcome = Ok(());
        for locale in [&linguistic[..], &["--locale=C.UTF-8"], &["--locale=C"]] {
            let mut initdb = self.command("initdb");
            initdb.arg("-D").arg(self.data());
            initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]).args(locale);
            outcome = run(&mut initdb, None).map(drop);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn launch(&mut self) -> Result<(), String> {
        let mut outcome = Err(String::new());
        for _ in 0..START_ATTEMPTS {
            let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
            self.port = free.map_err(|e| format!("no free port: {e}"))?.port();
            outcome = self.control(&["start"]);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn control(&self, arguments: &[&str]) -> Result<(), String> {
        let directory = self.directory.path();
        let sockets = directory.display();
        let options = format!("{SETTINGS} -p {} -k {sockets}", self.port);
        let mut pg_ctl = self.command("pg_ctl");
        pg_ctl.args(arguments).arg("-w").arg("-D").arg(self.data());
        if arguments[0] != "stop" {
            pg_ctl.arg("-l").arg(directory.join("log")).arg("-o").arg(options);
        }
        run(&mut pg_ctl, None).map(drop).map_err(|error| {
            let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(5).collect();
            format!("{error}; the log ends: {tail:?}")
        })
    }

    fn command(&self, program: &str) -> Command {
        as_user(&self.runner, &self.bin.join(program))
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        // The watchdog stops the server and removes the files when its pipe is closed.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// The directory that holds all the programs.
fn find_programs() -> Result<PathBuf, String> {
    let mut places: Vec<PathBuf> = Vec::new();
    places.extend(std::env::var_os("CELOSIA_PG_BIN").map(PathBuf::from));
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
            (version, entry.path().join("bin"))
        })
        .collect();
    versions.sort();
    places.extend(versions.into_iter().rev().map(|(_, place)| place));
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    places.extend(PLACES.iter().map(PathBuf::from));
    let whole = |place: &&PathBuf| PROGRAMS.iter().all(|program| place.join(program).is_file());
    places.iter().find(whole).cloned().ok_or_else(|| {
        format!(
            "no directory holds all of {PROGRAMS:?}: install a PostgreSQL server (Debian: apt-get \
             install postgresql) or set CELOSIA_PG_BIN to its bin directory"
        )
    })
}

/// How commands are started: PostgreSQL refuses root, so root hands the directory and the commands to
/// another user.
fn unprivileged(directory: &Path) -> Result<Vec<OsString>, String> {
    let owner = std::fs::metadata(directory).map_err(|e| format!("tempdir: {e}"))?.uid();
    if owner != 0 {
        return Ok(Vec::new());
    }
    let id = |what: &str, user: &str| {
        let output = run(Command::new("id").arg(what).arg(user), None).ok()?;
        output.trim().parse::<u32>().ok()
    };
    let user = ["postgres", "nobody"].into_iter().find(|user| id("-u", user).is_some());
    let user = user.ok_or("PostgreSQL does not run as root: create a user named postgres")?;
    chown(directory, id("-u", user), id("-g", user)).map_err(|e| format!("chown: {e}"))?;
    let ways: [&[&str]; 2] = [
        &["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"],
        &["runuser", "-u", user, "--"],
    ];
    let works = |way: &&[&str]| run(Command::new(way[0]).args(&way[1..]).arg("true"), None).is_ok();
    let way = ways.iter().copied().find(works).ok_or(
        "PostgreSQL does not run as root: install setpriv or runuser (Debian: util-linux)",
    )?;
    Ok(way.iter().map(OsString::from).collect())
}

fn watch(bin: &Path, directory: &Path, runner: &[OsString]) -> Result<Child, String> {
    let script = r#"trap '' INT TERM HUP; d=$1; shift; cat; "$@"; rm -rf "$d""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "watchdog"]).arg(directory).args(runner);
    command.arg(bin.join("pg_ctl")).args(["stop", "-m", "immediate", "-D"]);
    command
        .arg(directory.join("data"))
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("sh: {e}"))
}

fn as_user(runner: &[OsString], program: &Path) -> Command {
    let mut command = match runner.split_first() {
        Some((way, arguments)) => {
            let mut command = Command::new(way);
            command.args(arguments).arg(program);
            command
        }
        None => Command::new(program),
    };
    // The user may not enter the directory the tests run in.
    command.current_dir("/").env("LC_ALL", "C");
    command
}

fn run(command: &mut Command, input: Option<&str>) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| format!("{program}: {e}"))?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that fails early closes its end; its own words say why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let words = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} failed: {}", words.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_lives_as_long_as_its_value() {
        let Ok(cluster) = PostgresCluster::start() else { return };
        let path = cluster.directory.path().to_path_buf();
        let url = cluster.create_database().unwrap();
        assert!(url.contains("/test_0?"), "{url}");
        assert_eq!(cluster.execute("test_0", "SELECT 1, 'a'").unwrap(), "1|a");
        assert!(cluster.execute("test_0", "SELECT 1/0").unwrap_err().contains("zero"));
        cluster.stop().unwrap();
        cluster.restart().unwrap();
        assert_eq!(cluster.execute("test_0", "SELECT 2").unwrap(), "2");
        let port = cluster.port();
        drop(cluster);
        assert!(!path.exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
