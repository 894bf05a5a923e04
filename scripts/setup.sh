#!/usr/bin/env bash
# Makes sure that the system packages are there. On Debian as root the missing ones are installed; elsewhere one
# line names them and the status is 1. Looks only at commands and headers, so it costs nothing when all is there.
#
#   scripts/setup.sh build    what compiling needs
#   scripts/setup.sh run      and what `podium dev` needs (the default)
#   scripts/setup.sh test     and what the tests need
#   scripts/setup.sh clients  and a JDK of 21 or newer, for the Java SDK
#
# SETUP_DRY_RUN=1 only names what is missing.
set -euo pipefail
level=${1:-run}
missing=()

has() { command -v "$1" >/dev/null 2>&1; }
need() { missing+=("$1"); }

has_postgres() {
    local dir
    for dir in ${PG_BIN_DIR:+"$PG_BIN_DIR"} "$(pg_config --bindir 2>/dev/null || true)" \
        "$(dirname "$(command -v initdb || echo /none)")" /usr/lib/postgresql/*/bin; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then return 0; fi
    done
    return 1
}

# librdkafka is compiled from source with TLS and compression
has cc || need gcc
# a compiler without the C library's headers compiles nothing
[ -e /usr/include/stdlib.h ] || need libc6-dev
has make || need make
has pkg-config || need pkg-config
[ -e /usr/include/zlib.h ] || need zlib1g-dev
[ -e /usr/include/openssl/ssl.h ] || need libssl-dev
# the pages are built with it
has node || need nodejs
has npm || need npm
case $level in
run | test | clients) has_postgres || need postgresql ;;
esac
case $level in
test | clients)
    # a real Apache Kafka node, and the official SDKs
    has java || need default-jre-headless
    has mvn || need maven
    has python3 || need python3
    # ends a real Airflow with all its children
    has pkill || need procps
    python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
    has go || need golang-go
    # the pages in a real browser
    has chromium || has chromium-browser || has google-chrome || need chromium
    # the letters of the pictures that pages are held against
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || need fonts-dejavu-core
    ;;
esac
if [ "$level" = clients ]; then
    # the Java SDK is compiled for 21, which Debian has since 13; with `test` its flow is left out where there is none
    "$(dirname "$0")/clients.sh" jdk >/dev/null 2>&1 || need openjdk-21-jdk-headless
fi
status=0
if ! has cargo; then
    echo "missing: cargo (install Rust from https://rustup.rs)" >&2
    status=1
fi
[ ${#missing[@]} -gt 0 ] || exit $status
if [ "$(id -u)" != 0 ] || ! has apt-get || [ -n "${SETUP_DRY_RUN:-}" ]; then
    echo "missing: ${missing[*]} (on Debian: apt-get install ${missing[*]})" >&2
    exit 1
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "${missing[@]}"; }
# the first try saves the time of an update where the lists are fresh
if ! install >/dev/null 2>&1; then
    apt-get update -qq
    install >/dev/null
fi
exit $status
