# syntax=docker/dockerfile:1

# The same compiler as rust-toolchain.toml; ./test compares the two.
ARG RUST_VERSION=1.95.0
# `thick` adds Oracle Instant Client, for sources with `driver: thick`:
#   docker build --build-arg ORACLE_CLIENT=thick .
ARG ORACLE_CLIENT=none
# `ballista` adds the scheduler and the executors for statements that one machine cannot hold (docs/executors.md):
#   docker build --build-arg FEATURES=ballista .
ARG FEATURES=

FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src
# `docker buildx build --sbom=true` lists what this stage was built from too.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
ARG FEATURES

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
    && cargo build --locked --profile dist --features "$FEATURES" --bin celosia

COPY connectors connectors
COPY migrations migrations
COPY masking-rules masking-rules
COPY policy-tests policy-tests
COPY schemas schemas
COPY src src
# The empty crates are newer than the sources; touching these makes cargo build them.
RUN find src connectors -name '*.rs' -exec touch {} + \
    && cargo build --locked --profile dist --features "$FEATURES" --bin celosia \
    && install -D target/dist/celosia /out/celosia \
    && mkdir -p /out/state

# No shell and no package manager: the C library, certificates and a user of its own.
FROM gcr.io/distroless/cc-debian12:nonroot AS runtime-none

# Oracle's client is Oracle's: whoever builds with it takes its licence.
FROM debian:12-slim AS oracle-client
ARG ORACLE_CLIENT_URL=https://download.oracle.com/otn_software/linux/instantclient/2370000/instantclient-basiclite-linux.x64-23.7.0.25.01.zip
# Empty: the archive is not checked.
ARG ORACLE_CLIENT_SHA256=
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libaio1 unzip \
    && rm -rf /var/lib/apt/lists/* \
    && curl -fsSL -o /tmp/client.zip "$ORACLE_CLIENT_URL" \
    && if [ -n "$ORACLE_CLIENT_SHA256" ]; then echo "$ORACLE_CLIENT_SHA256  /tmp/client.zip" | sha256sum -c -; fi \
    && unzip -q /tmp/client.zip -d /opt/oracle \
    && mv /opt/oracle/instantclient_* /opt/oracle/client \
    && cp -L /usr/lib/*/libaio.so.1 /opt/oracle/client/

FROM gcr.io/distroless/cc-debian12:nonroot AS runtime-thick
COPY --from=oracle-client /opt/oracle/client /opt/oracle/client
ENV LD_LIBRARY_PATH=/opt/oracle/client

# hadolint ignore=DL3006
FROM runtime-${ORACLE_CLIENT}
LABEL org.opencontainers.image.title="Celosia" \
    org.opencontainers.image.description="Read-only, governed SQL over many databases for AI clients" \
    org.opencontainers.image.licenses="Apache-2.0" \
    dev.celosia.sbom="/usr/share/celosia/Cargo.lock"
# Every crate with its version and checksum, where scanners of images look for it.
COPY Cargo.lock /usr/share/celosia/Cargo.lock
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
