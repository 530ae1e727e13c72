# syntax=docker/dockerfile:1

# The same compiler as rust-toolchain.toml; ./test compares the two.
ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src

# Dependencies first: they are built again only when a manifest or the lock file changes. Every crate
# is an empty one until then. rust-toolchain.toml stays outside, or rustup would fetch components.
COPY Cargo.toml Cargo.lock ./
COPY connectors/api/Cargo.toml connectors/api/Cargo.toml
COPY connectors/oracle/Cargo.toml connectors/oracle/Cargo.toml
COPY connectors/postgres/Cargo.toml connectors/postgres/Cargo.toml
COPY connectors/sqlite/Cargo.toml connectors/sqlite/Cargo.toml
COPY connectors/sqlserver/Cargo.toml connectors/sqlserver/Cargo.toml
COPY connectors/testkit/Cargo.toml connectors/testkit/Cargo.toml
RUN sed -n 's/^path = "\(.*\.rs\)"$/\1/p' Cargo.toml >targets \
    && echo benches/stages.rs >>targets \
    && while read -r file; do mkdir -p "${file%/*}" && echo 'fn main() {}' >"$file"; done <targets \
    && for crate in . connectors/*; do mkdir -p "$crate/src" && touch "$crate/src/lib.rs"; done \
    && cargo build --locked --profile dist --bin celosia

COPY connectors connectors
COPY migrations migrations
COPY masking-rules masking-rules
COPY policy-tests policy-tests
COPY schemas schemas
COPY src src
# The empty crates are newer than the sources; touching these makes cargo build them.
RUN find src connectors -name '*.rs' -exec touch {} + \
    && cargo build --locked --profile dist --bin celosia \
    && install -D target/dist/celosia /out/celosia \
    && mkdir -p /out/state

# No shell and no package manager: the C library, certificates and a user of its own.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/celosia /usr/local/bin/celosia
# The audit store and the demo live here; a volume takes over its owner.
COPY --from=build --chown=65532:65532 /out/state /var/lib/celosia
ENV XDG_DATA_HOME=/var/lib
WORKDIR /var/lib/celosia
USER 65532:65532
EXPOSE 8017
VOLUME ["/var/lib/celosia"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/celosia", "health", "--address", "127.0.0.1:8017"]
ENTRYPOINT ["/usr/local/bin/celosia"]
CMD ["serve", "--config", "/etc/celosia/celosia.yaml", "--listen", "0.0.0.0:8017"]
