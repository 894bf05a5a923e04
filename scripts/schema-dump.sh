#!/usr/bin/env bash
# Writes docs/schema.sql: the schema after all migrations, without the monthly partitions (they depend on the
# date). With --check nothing is written and a difference is an error.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")

if [ -z "${DATABASE_URL:-}" ]; then
    exec "$root/scripts/pg-temp.sh" run "$root/scripts/schema-dump.sh" "$@"
fi

cd "$root"
# a role called podium would otherwise find the schema of the views first
export PGOPTIONS="-c search_path=public"
for file in migrations/[0-9]*.sql; do
    psql -q -v ON_ERROR_STOP=1 --single-transaction -o /dev/null "$DATABASE_URL" -f "$file"
done
dump() {
    pg_dump -s --no-owner --exclude-table='*_2[0-9][0-9][0-9][0-9][0-9]' "$DATABASE_URL" |
        grep -v -e '^--' -e '^SET ' -e '^SELECT pg_catalog.set_config' -e '^\\\(un\)\?restrict' | cat -s
}
if [ "${1:-}" = --check ]; then
    diff docs/schema.sql <(dump) || { echo "docs/schema.sql does not fit the migrations; run scripts/schema-dump.sh" >&2; exit 1; }
else
    dump >docs/schema.sql
fi
