#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml in docker/secrets/: those that are missing, never another's.
#
# The directory is for its owner only. The files in it can be read by all, because each is mounted into
# a container whose user is not the owner; from outside nobody gets past the directory.
set -euo pipefail
cd "$(dirname "$0")/secrets"
chmod 700 .
umask 022

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

# Writes what it reads to a file, whole or not at all.
put() {
    cat >".$1.tmp"
    mv ".$1.tmp" "$1"
}

for name in postgres_password reader_password pseudonym_key; do
    [[ -s $name ]] || random | put "$name"
done
printf 'postgres://celosia_reader:%s@postgres:5432/shop?sslmode=disable\n' \
    "$(cat reader_password)" | put shop_url

if [[ -s keys.yaml ]]; then
    echo "docker/secrets/keys.yaml is there already; its keys are known to their holders only." >&2
    exit 0
fi
analyst=cel_$(random)
compliance=cel_$(random)
put keys.yaml <<YAML
version: 1
keys:
  - name: compose analyst
    hash: "sha256:$(hash "$analyst")"
    user: ana
    roles: [analyst]
    attributes: { region: EU }
  - name: compose compliance
    hash: "sha256:$(hash "$compliance")"
    user: carla
    roles: [compliance]
YAML
echo "API keys, shown this once:"
echo "  analyst    $analyst"
echo "  compliance $compliance"
