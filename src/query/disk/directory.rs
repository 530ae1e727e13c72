//! Where statements put what does not fit into memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const PREFIX: &str = "celosia-spill-";

/// A directory of this process alone, which goes with it. What processes that were killed have left is removed.
#[derive(Debug)]
pub(in super::super) struct Directory(PathBuf);

impl Directory {
    /// A new one in a directory that several processes may share.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub(in super::super) fn new(parent: &Path) -> io::Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        std::fs::create_dir_all(parent)?;
        clear(parent);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        // What a process of the same number has left, in a container for instance.
        remove(&path);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "what statements have put on disk cannot be removed");
        }
        _ => {}
    }
}

/// Removes what processes that are no more have left. Where the system does not tell which are, nothing is removed.
fn clear(parent: &Path) {
    let processes = Path::new("/proc");
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    if !processes.join("self").exists() {
        return;
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let process = process.filter(|process| process.parse::<u32>().is_ok());
        if process.is_some_and(|process| !processes.join(process).exists()) {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes_and_what_dead_processes_left_goes_too() {
        let parent = tempfile::tempdir().unwrap();
        // Above what a system gives to processes.
        let dead = parent.path().join(format!("{PREFIX}4294967295-0"));
        let alive = parent.path().join(format!("{PREFIX}1-0"));
        let other = parent.path().join("other");
        for left in [&dead, &alive, &other] {
            std::fs::create_dir_all(left.join("a")).unwrap();
        }
        let (one, two) = (Directory::new(parent.path()).unwrap(), Directory::new(parent.path()));
        assert!(!dead.exists() && alive.exists() && other.exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(one.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        std::fs::write(one.path().join("rows"), "x").unwrap();
        let (one_path, two_path) = (one.path().to_path_buf(), two.unwrap().path().to_path_buf());
        drop(one);
        assert!(!one_path.exists() && !two_path.exists());
        assert!(Directory::new(&parent.path().join("other/a/../../other")).is_ok());
        std::fs::write(parent.path().join("file"), "").unwrap();
        assert!(Directory::new(&parent.path().join("file")).is_err());
    }
}
