#!/bin/sh
# Writes settings for compose.yaml to standard output: random passwords and keys, made here and now.
#   sh deploy/make-secrets.sh chat.example.org > deploy/.env
# Run it once: with other passwords the services no longer know each other, and everybody has to log in again.
set -eu
umask 077

host=${1:?usage: make-secrets.sh HOST-NAME > deploy/.env}
hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

cat <<END
# The name people reach the server at; localhost gets a certificate of the proxy's own authority.
CHAT_HOST=$host
# Which image of the server runs; another one is built or pulled for another name.
CHAT_VERSION=1

POSTGRES_PASSWORD=$(hex 24)
REDIS_PASSWORD=$(hex 24)
S3_KEY=$(hex 10)
S3_SECRET=$(hex 24)

# The keys of the server itself, the same on all nodes: signs log-ins, and identifies it to push services.
TOKEN_KEY=$(hex 32)
VAPID_KEY=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
END
