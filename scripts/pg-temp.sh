#!/usr/bin/env bash
# Starts and stops a throw-away PostgreSQL of our own, for tests and tools.
#
#   scripts/pg-temp.sh start [DIR]   makes and starts a cluster, prints its URL on the last line
#   scripts/pg-temp.sh stop DIR      stops it and removes DIR
#   scripts/pg-temp.sh run CMD…      starts one, runs CMD with DATABASE_URL set, stops it
#
# As root the server runs as user postgres, or nobody (PostgreSQL refuses root). Extra settings: PG_TEMP_OPTIONS,
# for instance "-c shared_buffers=512MB". The binaries come from PG_BIN_DIR, pg_config, PATH or /usr/lib/postgresql.
set -euo pipefail

bin_dir() {
    if [ -n "${PG_BIN_DIR:-}" ]; then echo "$PG_BIN_DIR"; return; fi
    local dir
    for dir in "$(pg_config --bindir 2>/dev/null || true)" "$(dirname "$(command -v initdb || echo /none)")" \
        $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
        if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then echo "$dir"; return; fi
    done
    echo "no PostgreSQL server found; install it, for instance: apt-get install postgresql" >&2
    exit 1
}

as_server() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    local user=nobody
    if id postgres >/dev/null 2>&1; then user=postgres; fi
    setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups env -i PATH="$PATH" LC_ALL=C "$@"
}

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 20000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
    done
    echo "no free port found" >&2
    exit 1
}

start() {
    local dir=$1 bin port
    bin=$(bin_dir)
    mkdir -p "$dir"
    chmod 700 "$dir"
    if [ "$(id -u)" = 0 ]; then chown "$(id postgres >/dev/null 2>&1 && echo postgres || echo nobody)" "$dir"; fi
    cd /
    as_server "$bin/initdb" -U podium -A trust -E UTF8 --locale=C --no-sync --no-instructions -D "$dir/data" >/dev/null
    for _ in 1 2 3; do
        port=$(free_port)
        # shellcheck disable=SC2086
        if as_server "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" start \
            -o "-p $port -k $dir -h 127.0.0.1 ${PG_TEMP_OPTIONS:-}" >/dev/null; then
            echo "postgres://podium@127.0.0.1:$port/postgres"
            return
        fi
    done
    cat "$dir/log" >&2
    exit 1
}

stop() {
    as_server "$(bin_dir)/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null || true
    rm -rf "$1"
}

case "${1:-}" in
start)
    start "$(realpath -m "${2:-$(mktemp -d /tmp/podium-pg.XXXXXX)}")"
    ;;
stop)
    stop "$(realpath "$2")"
    ;;
run)
    shift
    dir=$(mktemp -d /tmp/podium-pg.XXXXXX)
    trap 'stop "$dir"' EXIT
    url=$(start "$dir")
    DATABASE_URL=$url "$@"
    ;;
*)
    sed -n '2,9p' "$0" >&2
    exit 2
    ;;
esac
