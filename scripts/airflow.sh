#!/usr/bin/env bash
# A real Apache Airflow 2.10.5 (web server, scheduler, SQLite) for tests and trials. Needs python3 (3.9 to 3.12) with venv;
# any user.
#
#   scripts/airflow.sh install                      puts Airflow into the cache (once, 270 MB, about a minute)
#   scripts/airflow.sh start DIR [--owner PID]      starts it with its data in DIR, waits until it serves and knows its
#                                                   DAGs, prints AIRFLOW_ENDPOINT=, AIRFLOW_USER=, AIRFLOW_PASSWORD=, one a
#                                                   line; installs first if needed. With --owner it ends when that process
#                                                   has ended.
#   scripts/airflow.sh stop DIR                     stops it at once; its data stays
#
# Its DAGs are those of tests/airflow/dags (or of $AIRFLOW_DAGS). They run `podium job`, so give their environment:
# PODIUM_BIN (the program), S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, S3_BUCKET.
# The cache is $PODIUM_CACHE, else target/cache in the repository. Prints nothing else on stdout.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
recipe=$root/tests/airflow
cache=${PODIUM_CACHE:-$root/target/cache}
place=$cache/airflow-2.10.5-$(sha256sum "$recipe/constraints.txt" | cut -c1-12)
venv=$place/venv
user=podium

die() { echo "airflow.sh: $*" >&2; exit 1; }
. "$root/scripts/ports.bash"

# What every command of Airflow needs; its data are in the folder.
surroundings() {
  local dir=$1
  export AIRFLOW_HOME=$dir
  export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///$dir/airflow.db
  export AIRFLOW__CORE__DAGS_FOLDER=${AIRFLOW_DAGS:-$recipe/dags}
  export AIRFLOW__CORE__LOAD_EXAMPLES=False
  export AIRFLOW__CORE__EXECUTOR=SequentialExecutor
  export AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False
  export AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER=False
  export AIRFLOW__API__AUTH_BACKENDS=airflow.api.auth.backend.session,airflow.api.auth.backend.basic_auth
  export AIRFLOW__WEBSERVER__WORKERS=1
  export AIRFLOW__WEBSERVER__WEB_SERVER_HOST=127.0.0.1
  export AIRFLOW__WEBSERVER__EXPOSE_CONFIG=False
  export AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL=10
  export AIRFLOW__SCHEDULER__PARSING_PROCESSES=1
  export AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.5
  export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
  # its modules are compiled once, into the cache
  export PYTHONWARNINGS=ignore
}

install() {
  [ -e "$place/complete" ] && return
  command -v python3 >/dev/null || die "python3 is not there; on Debian: apt-get install python3 python3-venv"
  mkdir -p "$cache"
  (
    flock 9 # two test binaries may want it at once
    [ -e "$place/complete" ] && exit 0
    rm -rf "$place"
    mkdir -p "$place/template"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -c "$recipe/constraints.txt" apache-airflow==2.10.5 >&2
    # a database with its user, made once: each start takes a copy
    surroundings "$place/template"
    (umask 077 && "$venv/bin/python" -c 'import secrets; print(secrets.token_urlsafe(18))' >"$place/password")
    "$venv/bin/airflow" db migrate >"$place/install.out" 2>&1 || die "could not make its database: $(tail -5 "$place/install.out")"
    "$venv/bin/airflow" users create --username $user --password "$(cat "$place/password")" --role Admin \
      --firstname Podium --lastname Podium --email podium@example.com >>"$place/install.out" 2>&1 ||
      die "could not make its user: $(tail -5 "$place/install.out")"
    touch "$place/complete"
  ) 9>"$cache/airflow.lock"
}

# Whether the web server answers, the scheduler lives and the DAGs are there.
serves() {
  "$venv/bin/python" - "$1" $user "$(cat "$place/password")" <<'PYTHON'
import base64, json, sys, urllib.request
base, user, password = sys.argv[1:]
def get(path):
    request = urllib.request.Request(base + path)
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    return json.load(urllib.request.urlopen(request, timeout=5))
try:
    healthy = get("/health")["scheduler"]["status"] == "healthy"
    sys.exit(0 if healthy and get("/api/v1/dags")["total_entries"] > 0 else 1)
except (OSError, ValueError, KeyError):
    sys.exit(1)
PYTHON
}

start() {
  local dir=$1 owner=$2
  install
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  [ -e "$dir/airflow.db" ] || cp "$place/template/airflow.db" "$dir/airflow.db"
  surroundings "$dir"
  [ -e "$dir/secret" ] || (umask 077 && "$venv/bin/python" -c 'import secrets; print(secrets.token_hex(16))' >"$dir/secret")
  AIRFLOW__WEBSERVER__SECRET_KEY=$(cat "$dir/secret")
  AIRFLOW__WEBSERVER__WEB_SERVER_PORT=$(free_port)
  export AIRFLOW__WEBSERVER__SECRET_KEY AIRFLOW__WEBSERVER__WEB_SERVER_PORT
  export PATH=$venv/bin:$PATH
  local endpoint=http://127.0.0.1:$AIRFLOW__WEBSERVER__WEB_SERVER_PORT
  : >"$dir/pids"
  local command
  for command in webserver scheduler; do
    # sessions of their own, so that all their children end with them
    setsid "$venv/bin/airflow" $command >"$dir/$command.out" 2>&1 </dev/null &
    echo $! >>"$dir/pids"
  done
  if [ -n "$owner" ]; then
    setsid bash -c 'while kill -0 "$0"; do sleep 1; done; "$1" stop "$2"' \
      "$owner" "$root/scripts/airflow.sh" "$dir" >/dev/null 2>&1 </dev/null &
  fi
  for _ in $(seq 180); do
    if serves "$endpoint"; then
      printf 'AIRFLOW_ENDPOINT=%s\nAIRFLOW_USER=%s\nAIRFLOW_PASSWORD=%s\n' "$endpoint" $user "$(cat "$place/password")"
      return
    fi
    for pid in $(cat "$dir/pids"); do
      kill -0 "$pid" 2>/dev/null || { stop "$dir"; die "it ended: $(tail -5 "$dir/webserver.out" "$dir/scheduler.out")"; }
    done
    sleep 0.5
  done
  stop "$dir"
  die "it did not serve in time: $(tail -5 "$dir/webserver.out" "$dir/scheduler.out")"
}

stop() {
  local dir=$1 pid
  [ -e "$dir/pids" ] || return 0
  for pid in $(cat "$dir/pids"); do
    # by session: the scheduler's parser and the web server's workers have process groups of their own
    pkill -KILL -s "$pid" 2>/dev/null || true
  done
  rm -f "$dir/pids"
}

case "${1:-} ${3:-}" in
  "install ") install ;;
  "start ") start "${2:?start needs a directory}" "" ;;
  "start --owner") start "$2" "${4:?--owner needs a process id}" ;;
  "stop ") stop "${2:?stop needs a directory}" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
