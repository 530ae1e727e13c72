//! `celosia man`: the manual pages, made of what the command line declares.

use super::Failure;
use clap_mangen::Man;
use std::io::Write;
use std::path::Path;

/// Prints the page of the whole, or writes a page for each command into a directory.
pub(super) fn print(command: clap::Command, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            Ok(clap_mangen::generate_to(command, directory)?)
        }
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page)?;
            Ok(std::io::stdout().lock().write_all(&page)?)
        }
    }
}
