#!/usr/bin/env bash
# The pages: what npm does, with what it needs.
#
#   scripts/ui.sh build   ui/dist, unless it is newer than its sources
#   scripts/ui.sh check   lint, tests of the model and the widgets, the budget of the first load
#   scripts/ui.sh e2e     real Chromium against a real `podium dev` (target/debug/podium, or PODIUM_BIN)
#
# Needs Node 20.19 or newer. A distribution's older one is left alone: then a newer one is fetched by it, into
# target/cache/node.
set -euo pipefail
cd "$(dirname "$0")/.."
own=$PWD/target/cache/node
wanted='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'

if [ -d "$own/node_modules" ]; then export PATH="$own/bin:$PATH"; fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "missing: Node 20.19 or newer with npm (on Debian: apt-get install nodejs npm; a newer Node is fetched by it)" >&2
    exit 1
fi
if ! node -e "$wanted"; then
    case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) kind=linux-x64 ;;
    Linux-aarch64) kind=linux-arm64 ;;
    *)
        echo "node is $(node --version); the pages need 20.19 or newer: install it from https://nodejs.org" >&2
        exit 1
        ;;
    esac
    echo "node is $(node --version): fetching a newer one into target/cache/node" >&2
    mkdir -p "$own/bin"
    npm install --silent --no-audit --no-fund --prefix "$own" "node-$kind@22" npm@11
    ln -sf "$own/node_modules/node-$kind/bin/node" "$own/bin/node"
    ln -sf "$own/node_modules/npm/bin/npm-cli.js" "$own/bin/npm"
    export PATH="$own/bin:$PATH"
fi
cd ui
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --silent --no-audit --no-fund
    # npm leaves the time of an unchanged file as it was
    touch node_modules/.package-lock.json
fi
case ${1:-} in
build)
    sources=(src public index.html package-lock.json tsconfig.json vite.config.ts ../openapi/podium.json)
    if [ ! -e dist/index.html ] || [ -n "$(find "${sources[@]}" -newer dist/index.html ! -name schema.gen.ts -print -quit)" ]; then
        npm run --silent build
    fi
    ;;
check)
    npm run --silent lint
    npm test --silent
    npm run --silent budget
    ;;
e2e) npm run --silent e2e ;;
*)
    echo "usage: scripts/ui.sh build|check|e2e" >&2
    exit 2
    ;;
esac
