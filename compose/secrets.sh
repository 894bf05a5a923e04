#!/bin/sh
# Makes the passwords of the containers, once: files in compose/secrets/, which git ignores. To change one, remove its
# file and the volume of the part that keeps it.
set -eu
cd "$(dirname "$0")"
# containers read the files as users of their own: the folder keeps others of this machine out
mkdir -p -m 0700 secrets
cd secrets

# 32 hexadecimal digits
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
# make NAME VALUE: unless it is there
make() { [ -s "$1" ] || printf '%s' "$2" > "$1"; chmod 0444 "$1"; }

make postgres_password "$(random)"
make minio_password "$(random)"
make airflow_password "$(random)"
make airflow_secret_key "$(random)"

postgres=$(cat postgres_password)
make database_url "postgres://podium:$postgres@postgres:5432/podium"
make database_url_host "postgres://podium:$postgres@127.0.0.1:5432/podium"
make airflow_database_url "postgresql+psycopg2://podium:$postgres@postgres:5432/airflow"
