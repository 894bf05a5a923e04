#!/usr/bin/env bash
# Checks every query! of the store against a real schema and writes what it learned to .sqlx/, which lets the
# workspace build without a database. With --check nothing is written and a difference is an error.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")

if [ -z "${DATABASE_URL:-}" ]; then
    exec "$root/scripts/pg-temp.sh" run "$root/scripts/sqlx-prepare.sh" "$@"
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cd "$root"
# a role called podium would otherwise find the schema of the views first
export PGOPTIONS="-c search_path=public"
for file in migrations/[0-9]*.sql; do
    psql -q -v ON_ERROR_STOP=1 --single-transaction -o /dev/null "$DATABASE_URL" -f "$file"
done
# macros run again only if the crate is compiled again
touch engine/store/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$fresh" cargo check -q -p podium-store
if [ "${1:-}" = --check ]; then
    diff -r .sqlx "$fresh" || { echo ".sqlx/ does not fit the queries; run scripts/sqlx-prepare.sh" >&2; exit 1; }
else
    mkdir -p .sqlx
    rm -f .sqlx/query-*.json
    cp "$fresh"/query-*.json .sqlx/
fi
