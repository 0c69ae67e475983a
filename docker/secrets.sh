#!/bin/sh
# Writes docker/secrets/ (random passwords and the addresses that hold them) and docker/.env. Never overwrites:
# the database keeps the passwords it was made with.  Usage: sh docker/secrets.sh [folder]
set -eu
folder=${1:-$(cd "$(dirname "$0")" && pwd)}
secrets=$folder/secrets
if [ -e "$secrets" ]; then
    echo "$secrets is there already; remove it and the volumes to start over." >&2
    exit 1
fi

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# The folder keeps other people of this machine out. The files are readable, because a container runs as a user of its
# own and sees the file as it is here.
umask 077
made=$(mktemp -d "$folder/.secrets.XXXXXX")
trap 'rm -rf "$made"' EXIT
put() {
    printf '%s' "$2" >"$made/$1"
    chmod 0444 "$made/$1"
}

postgres=$(random)
owner=$(random)
application=$(random)
valkey=$(random)
put secret_key "$(random)"
put postgres_password "$postgres"
put database_admin_url "postgresql://postgres:$postgres@postgres:5432/postgres"
put database_owner_url "postgresql://armstrong_owner:$owner@postgres:5432/armstrong"
put database_url "postgresql://armstrong_app:$application@postgres:5432/armstrong"
put redis_url "redis://:$valkey@valkey:6379/0"
put valkey_password "$valkey"
put valkey_conf "requirepass $valkey
dir /data
appendonly yes
maxmemory-policy noeviction
save \"\"
"
# Whole or not at all: a half-written folder would be taken for a finished one.
mv "$made" "$secrets"
trap - EXIT
if [ ! -e "$folder/.env" ]; then
    printf '%s\n' \
        '# The addresses that browsers and MCP clients use. Behind a proxy: its https:// addresses.' \
        'CONSOLE_URL=http://localhost:8000' \
        'RUNTIME_URL=http://localhost:8100' >"$folder/.env"
fi
echo "Wrote $secrets and $folder/.env."
