#!/bin/sh
# Makes the secrets of docker-compose.yml, once: those that are there stay as they are.
# Keep master_key and lookup_key as safe as the database, and apart from its backups: without them
# no personal value can be read any more.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets

secret() { # NAME: the text comes on stdin
    if [ -s "$1" ]; then
        cat > /dev/null
    else
        cat > "$1"
    fi
    # Containers read it as users of their own; the folder keeps everybody else out.
    chmod 444 "$1"
}

key() { head -c 32 /dev/urandom | base64; }
password() { head -c 24 /dev/urandom | base64 | tr -d '+/=\n'; }

for name in master_key lookup_key signing_keys; do
    key | secret "$name"
done
password | secret postgres_password
password | secret nats_password

nats="daybook:$(cat nats_password)@nats"
printf 'postgresql://daybook:%s@postgres:5432/daybook' "$(cat postgres_password)" | secret database_url
printf 'nats://%s-1:4222' "$nats" | secret nats_url_alone
printf 'nats://%s-1:4222,nats://%s-2:4222,nats://%s-3:4222' "$nats" "$nats" "$nats" \
    | secret nats_url_cluster
printf 'authorization { user: daybook, password: "%s" }\n' "$(cat nats_password)" \
    | secret nats_authorization
