# The recipes of every day; `just` alone lists them.

_list:
    @just --list --unsorted

# The server, optimised
build:
    cargo build --release --locked

# Format, lints and every test; `just test fast` leaves the MCP clients out
test mode="all":
    ./test {{ mode }}

# Generated statements for as long as you like; CELOSIA_SEED=... repeats a run
fuzz statements="50000" schemas="200":
    CELOSIA_STATEMENTS={{ statements }} CELOSIA_SCHEMAS={{ schemas }} \
        cargo test --locked --test main -- two_worlds --nocapture

# One fuzz target (sql_gate, rules, masks, config, frames, tds, tns) for some seconds; needs nightly Rust and cargo-fuzz
fuzz-target name seconds="60":
    cargo +nightly fuzz run {{ name }} -- -max_total_time={{ seconds }}

# The demo over HTTP, with what to paste into a client; `just demo --role support`
demo *arguments:
    cargo run --release --locked -- demo {{ arguments }}

# Format, lints and licences (cargo-deny where it is installed)
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    if command -v cargo-deny >/dev/null; then cargo deny check; else echo "skip: cargo-deny"; fi

# The stages one by one, then the server as clients use it
bench *arguments:
    cargo bench --locked --bench stages
    cargo bench --locked --bench search
    cargo build --release --locked --bin celosia
    python3 benches/end_to_end/run.py {{ arguments }}

# TPC-H and joins across databases, beside PostgreSQL; `pip install tpchgen-cli` first
bench-questions *arguments:
    cargo build --release --locked --bin celosia
    python3 benches/end_to_end/questions.py {{ arguments }}

# A join that one worker's memory does not hold, on executors; `pip install tpchgen-cli` first
bench-executors *arguments:
    cargo build --release --locked --features ballista --bin celosia
    python3 benches/end_to_end/executors.py {{ arguments }}

# What is left of the peak at five times the load
overload *arguments:
    cargo build --release --locked --bin celosia
    python3 benches/end_to_end/overload.py target/release/celosia {{ arguments }}

# The documentation of the code
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Celosia beside PostgreSQL, in containers
up:
    docker/make-secrets.sh
    docker compose up --build

# A CycloneDX list of what is built in, as bom.json beside each manifest; `cargo install cargo-cyclonedx` first
sbom:
    cargo cyclonedx --format json --spec-version 1.5 --override-filename bom

# Four tenants that ask the same things of one server at once, for as long as you like
tenants seconds="60":
    CELOSIA_TENANT_SECONDS={{ seconds }} cargo test --locked --test main -- tenants --nocapture
