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

for name in postgres_password reader_password pseudonym_key engine_key transport_key keycloak_password demo_password grafana_password; do
    [[ -s $name ]] || random | put "$name"
done
# Oracle takes 30 bytes and wants a letter first; SQL Server wants several kinds of characters.
for name in oracle_password crm_password sqlserver_password orders_password; do
    [[ -s $name ]] || { printf 'Aa1_'; random | cut -c1-24; } | tr -d '\n' | put "$name"
done
printf 'postgres://celosia_reader:%s@postgres:5432/shop?sslmode=disable\n' \
    "$(cat reader_password)" | put shop_url
printf 'oracle://CELOSIA_READER:%s@oracle:1521/FREEPDB1\n' "$(cat crm_password)" | put crm_url
# The server of a trial signs its own certificate.
printf 'sqlserver://celosia_reader:%s@sqlserver:1433/orders?trust_server_certificate=true\n' \
    "$(cat orders_password)" | put orders_url

# An authority for the identity provider alone: Celosia takes keys by https only.
if [[ ! -s keycloak.crt ]]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 825 -subj "/CN=Celosia trial authority" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
        -keyout authority.key -out authority.crt 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=keycloak" -keyout keycloak.key -out keycloak.csr 2>/dev/null
    openssl x509 -req -in keycloak.csr -CA authority.crt -CAkey authority.key -CAcreateserial -days 825 \
        -extfile <(printf 'subjectAltName=DNS:keycloak,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n') \
        -out .keycloak.crt.tmp 2>/dev/null
    # Nobody signs anything else with it.
    rm -f authority.key authority.srl keycloak.csr
    chmod 644 keycloak.key
    mv .keycloak.crt.tmp keycloak.crt
fi

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
echo "API keys of the profile \`core\`, shown this once:"
echo "  analyst    $analyst"
echo "  compliance $compliance"
