//! Files of the demo: written whole, secrets for their owner's eyes only.

use super::error::DemoError;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Says that a directory is the demo's.
const MARKER: &str = ".celosia-demo";

/// Makes the demo's directory, or takes one that is empty or its own.
pub(super) fn claim(directory: &Path) -> Result<(), DemoError> {
    make_directory(directory).map_err(DemoError::file(directory))?;
    let marker = directory.join(MARKER);
    if marker.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(directory).map_err(DemoError::file(directory))?;
    // Another demo that starts at this moment may have left its marker since.
    if entries.next().is_some() && !marker.exists() {
        return Err(DemoError::Occupied(directory.to_path_buf()));
    }
    File::create(&marker).map(drop).map_err(DemoError::file(&marker))
}

/// Writes `text` to `path` unless it is there already.
pub(super) fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let temporary = temporary_name(path);
    let outcome = create(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if outcome.is_err() {
        fs::remove_file(&temporary).ok();
    }
    outcome.map_err(DemoError::file(path))
}

/// The text at `path`; `make` gives it the first time, whoever comes first.
pub(super) fn write_once(path: &Path, make: impl FnOnce() -> String) -> Result<String, DemoError> {
    let read = || match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(DemoError::Unreadable(path.to_path_buf()))
        }
        Err(error) => Err(DemoError::file(path)(error)),
    };
    if let Some(text) = read()? {
        return Ok(text);
    }
    let text = make();
    let temporary = temporary_name(path);
    create(&temporary, &text).map_err(DemoError::file(&temporary))?;
    // A link, unlike a rename, never replaces what another process wrote in the meantime.
    let linked = match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => fs::rename(&temporary, path),
        _ => Ok(()),
    };
    fs::remove_file(&temporary).ok();
    linked.map_err(DemoError::file(path))?;
    Ok(read()?.unwrap_or(text))
}

/// A name beside `path` that nobody else uses.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}.tmp", rand::random::<u64>()));
    path.with_file_name(name)
}

/// The demo's directory of this user: below the data directory, or, where there is none that can be
/// written, below the directory for temporary files.
pub(super) fn default_directory(environment: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    let set = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".local/share"));
    let lasting = set("XDG_DATA_HOME").or_else(home).map(|data| data.join("celosia").join("demo"));
    if let Some(directory) = lasting.filter(|directory| is_writable(directory)) {
        return directory;
    }
    let user = environment("USER").and_then(|user| user.into_string().ok()).unwrap_or_default();
    let user: String = user.chars().filter(char::is_ascii_alphanumeric).collect();
    std::env::temp_dir().join(format!("celosia-demo-{user}"))
}

fn is_writable(directory: &Path) -> bool {
    let probe = temporary_name(&directory.join("probe"));
    let written = make_directory(directory).and_then(|()| create(&probe, ""));
    fs::remove_file(&probe).ok();
    written.is_ok()
}

/// Makes a directory that only its owner enters. One that anybody may write to is refused: below the
/// directory for temporary files anybody could have made it.
#[cfg(unix)]
fn make_directory(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if fs::metadata(directory)?.permissions().mode() & 0o002 == 0 {
        return Ok(());
    }
    Err(std::io::Error::new(
        ErrorKind::PermissionDenied,
        "anybody may write to this directory, so it is no place for keys (chmod o-w would help)",
    ))
}

#[cfg(not(unix))]
fn make_directory(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)
}

/// Makes a new file that only its owner reads.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_strange_files_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("shop.db"), "mine").unwrap();
        assert!(matches!(claim(directory.path()), Err(DemoError::Occupied(_))));
        let new = directory.path().join("deep/new");
        claim(&new).unwrap();
        std::fs::write(new.join("shop.db"), "the demo's").unwrap();
        claim(&new).unwrap();
    }

    #[test]
    fn what_was_written_once_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert_eq!(write_once(&path, || "first".into()).unwrap(), "first");
        assert_eq!(write_once(&path, || "second".into()).unwrap(), "first");
        write(&path, "third").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_default_directory_can_be_written() {
        let base = tempfile::tempdir().unwrap();
        let of = |name: &'static str| {
            let base = base.path().join("data");
            default_directory(&move |asked| (asked == name).then(|| base.clone().into_os_string()))
        };
        assert_eq!(of("XDG_DATA_HOME"), base.path().join("data/celosia/demo"));
        assert_eq!(of("HOME"), base.path().join("data/.local/share/celosia/demo"));
        assert!(of("NONE").starts_with(std::env::temp_dir()));
        let relative = default_directory(&|name| (name == "HOME").then(|| "here".into()));
        assert!(relative.starts_with(std::env::temp_dir()));
        let blocked = base.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let fallback = default_directory(&|_| Some(blocked.clone().into_os_string()));
        assert!(fallback.starts_with(std::env::temp_dir()));
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_for_their_owner() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = directory.path().join("key");
        write_once(&path, || "k".into()).unwrap();
        assert_eq!(mode(&path), 0o600);
        let open = directory.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(claim(&open).is_err());
        let own = directory.path().join("own");
        claim(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
    }
}
