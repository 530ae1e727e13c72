//! Where statements put what does not fit into memory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "celosia-spill-";
/// The end of the name of a directory's lock, which lies beside it.
const LOCK: &str = ".lock";

/// A directory of this process alone, which goes with it. What processes that were killed have left is
/// removed: a lock tells who lives, also to processes in another container that see the same directory.
#[derive(Debug)]
pub(in super::super) struct Directory {
    path: PathBuf,
    /// Held until the process ends, whatever ends it.
    lock: File,
}

impl Directory {
    /// A new one in a directory that several processes may share.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub(in super::super) fn new(parent: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(parent)?;
        clear(parent);
        loop {
            let path = parent.join(format!(
                "{PREFIX}{}-{:016x}",
                std::process::id(),
                rand::random::<u64>()
            ));
            let Some(lock) = locked(&path)? else { continue };
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&path)?;
            return Ok(Self { path, lock });
        }
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.path, &self.lock);
    }
}

/// The lock of a directory that is about to be made; `None` where somebody who clears up was quicker.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let name = lock_of(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(&name)?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Where there are no locks, nobody clears up after anybody.
        Err(TryLockError::Error(_)) => Ok(Some(lock)),
        Ok(()) => Ok(name.exists().then_some(lock)),
    }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(LOCK);
    name.into()
}

/// Removes a directory and its lock, which is held.
fn remove(path: &Path, _: &File) {
    let gone = [std::fs::remove_dir_all(path), std::fs::remove_file(lock_of(path))];
    for error in gone.into_iter().filter_map(Result::err) {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(%error, "what statements have put on disk cannot be removed");
        }
    }
}

/// Removes what processes that are no more have left.
fn clear(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(LOCK)) else { continue };
        let ours = name.starts_with(PREFIX) && entry.file_type().is_ok_and(|kind| kind.is_file());
        let lock = ours.then(|| File::open(entry.path()).ok()).flatten();
        if let Some(lock) = lock.filter(|lock| lock.try_lock().is_ok()) {
            remove(&parent.join(name), &lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes() {
        let parent = tempfile::tempdir().unwrap();
        let (one, two) =
            (Directory::new(parent.path()).unwrap(), Directory::new(parent.path()).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(one.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        std::fs::write(one.path().join("rows"), "x").unwrap();
        drop(one);
        assert!(two.path().exists());
        drop(two);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_dead_processes_left_goes_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Directory::new(parent.path()).unwrap();
        let dead = parent.path().join(format!("{PREFIX}0"));
        let other = parent.path().join("other");
        for left in [&dead, &other] {
            std::fs::create_dir_all(left.join("a")).unwrap();
            std::fs::write(lock_of(left), "").unwrap();
        }
        let next = Directory::new(parent.path()).unwrap();
        assert!(!dead.exists() && !lock_of(&dead).exists());
        assert!(alive.path().exists() && next.path().exists());
        assert!(other.exists() && lock_of(&other).exists());
    }

    #[test]
    fn where_nothing_can_be_written_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::write(parent.path().join("file"), "").unwrap();
        assert!(Directory::new(&parent.path().join("file")).is_err());
    }
}
