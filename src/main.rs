//! The `celosia` command.

use std::process::ExitCode;

/// Many small, short-lived buffers: what it is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    celosia::app::run()
}
