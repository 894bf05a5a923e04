#!/usr/bin/env bash
# Client programs on libraries of others, for `make test-clients` (tests/clients/README.md).
#
#   scripts/clients.sh names             the clients, one on a line
#   scripts/clients.sh prepare NAME      installs what the client needs into the cache (once for each lock file)
#   scripts/clients.sh run NAME BASE     runs its flow against the API at BASE, e.g. http://127.0.0.1:8080
#   scripts/clients.sh jdk               prints the home of a JDK of 21 or newer, which the Java SDK needs
#
# The cache is $PODIUM_CACHE, else target/cache in the repository. pip, npm, Maven and Go also use their own caches.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sources=$root/tests/clients
cache=${PODIUM_CACHE:-$root/target/cache}/clients

die() { echo "clients.sh: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is not there; scripts/setup.sh clients names what to install"; }

jdk() {
  local home version
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "$(dirname "$(dirname "$(readlink -f "$(command -v javac || echo /none/none)")")")"; do
    [ -x "$home/bin/javac" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
    [ "${version:-0}" -ge 21 ] && { echo "$home"; return; }
  done
  die "no JDK of 21 or newer was found in JAVA_HOME, /usr/lib/jvm or behind javac"
}

# The folder for what these files lock; another content is another folder.
place() { echo "$cache/$1-$(cat "${@:2}" | sha256sum | cut -c1-12)"; }

# Makes the folder by the given function, once, also when two ask for it at the same time.
once() {
  local folder=$1 how=$2
  [ -e "$folder/complete" ] && return
  mkdir -p "$cache"
  (
    flock 9
    [ -e "$folder/complete" ] && exit 0
    rm -rf "$folder"
    mkdir -p "$folder"
    "$how" "$folder" >&2
    touch "$folder/complete"
  ) 9>"$folder.lock"
}

virtualenv() {
  need python3
  python3 -m venv "$1/venv"
  "$1/venv/bin/pip" install -q --disable-pip-version-check --require-hashes --no-deps -r "$requirements"
}

node_modules() {
  need npm
  cp "$package"/package.json "$package"/package-lock.json "$package"/.npmrc "$1/"
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
}

jars() {
  need mvn
  # strict checksums: a jar that is not what the registry says stops the installation
  mvn -q -B -C -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/libs"
}

prepare_python() {
  requirements=$sources/python/requirements.txt
  folder=$(place python "$requirements")
  once "$folder" virtualenv
}
run_python() { PYTHONDONTWRITEBYTECODE=1 exec "$folder/venv/bin/python" "$sources/python/flow.py" "$1"; }

prepare_javascript() {
  package=$sources/javascript
  folder=$(place javascript "$package/package-lock.json")
  once "$folder" node_modules
}
run_javascript() {
  cp "$package/flow.mjs" "$folder/" # modules are looked for beside the program
  unset CI                          # with it the SDK prints a line for each task
  exec node "$folder/flow.mjs" "$1"
}

prepare_java() {
  pom=$sources/java/pom.xml
  home=$(jdk)
  folder=$(place java "$pom")
  once "$folder" jars
}
run_java() {
  exec "$home/bin/java" -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.log.com.netflix.conductor.client.automator.TaskRunner=off -cp "$folder/libs/*" \
    "$sources/java/Flow.java" "$1"
}

go_build() { (cd "$sources/go" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -o "$1/flow" .); }
prepare_go() {
  need go
  folder=$(place go "$sources/go/go.sum" "$sources/go/main.go")
  once "$folder" go_build
}
run_go() { exec "$folder/flow" "$1"; }

document=$root/openapi/podium.json

# A client in the folder $1/client, made from the document; the arguments after it are the generator's.
generate() {
  local folder=$1
  java -jar "$generator"/libs/openapi-generator-cli-*.jar generate -i "$document" -o "$folder/client" "${@:2}" >"$folder/log" 2>&1 ||
    { tail -20 "$folder/log"; die "the generator failed"; }
}

fetch_generator() {
  need java
  pom=$sources/generated/pom.xml
  generator=$(place generator "$pom")
  once "$generator" jars
}

generated_python() {
  virtualenv "$1"
  generate "$1" -g python --package-name podium_client
}
prepare_generated_python() {
  fetch_generator
  requirements=$sources/generated/python/requirements.txt
  folder=$(place generated_python "$requirements" "$pom" "$document")
  once "$folder" generated_python
}
run_generated_python() {
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$folder/client exec "$folder/venv/bin/python" "$sources/generated/python/flow.py" "$1"
}

generated_typescript() {
  node_modules "$1"
  generate "$1" -g typescript-fetch --additional-properties=importFileExtension=.js
  cp "$package"/tsconfig.json "$package"/flow.ts "$1/"
  (cd "$1" && node node_modules/typescript/bin/tsc)
}
prepare_generated_typescript() {
  fetch_generator
  package=$sources/generated/typescript
  folder=$(place generated_typescript "$package"/{package-lock,tsconfig}.json "$package/flow.ts" "$pom" "$document")
  once "$folder" generated_typescript
}
run_generated_typescript() { exec node "$folder/built/flow.js" "$1"; }

clients=(python javascript java go generated_python generated_typescript)

known() {
  local name
  for name in "${clients[@]}"; do [ "$name" = "$1" ] && return; done
  die "there is no client ${1:-without a name}; there are ${clients[*]}"
}

case "${1:-}" in
  names) printf '%s\n' "${clients[@]}" ;;
  jdk) jdk ;;
  prepare) known "${2:-}" && "prepare_$2" ;;
  run) known "${2:-}" && "prepare_$2" && "run_$2" "${3:?run needs the root of the API}" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
