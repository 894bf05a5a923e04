#!/usr/bin/env bash
# A real Apache Kafka (one KRaft node) for tests and trials. Needs java (17 or newer) and mvn; any user.
#
#   scripts/kafka.sh install                        puts the broker's jars into the cache (once, 56 MB)
#   scripts/kafka.sh start DIR [--owner PID]        starts a node with its data in DIR, waits until it serves,
#                                                   prints its bootstrap address; installs first if needed.
#                                                   A DIR that was used before keeps its data, ports and cluster id.
#                                                   With --owner the node ends when that process has ended.
#   scripts/kafka.sh stop DIR [--kill]              stops it (--kill: at once, as if the machine had died)
#
# The cache is $PODIUM_CACHE, else target/cache in the repository. KAFKA_HEAP (512m) sets the heap.
# Prints nothing but the address on stdout.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
recipe=$root/tests/kafka-node
cache=${PODIUM_CACHE:-$root/target/cache}
libs=$cache/kafka-3.9.1

die() { echo "kafka.sh: $*" >&2; exit 1; }
. "$root/scripts/ports.bash"
java_bin=${JAVA_HOME:+$JAVA_HOME/bin/}java

install() {
  [ -e "$libs/complete" ] && return
  command -v mvn >/dev/null || die "mvn is not there; on Debian: apt-get install maven"
  mkdir -p "$cache"
  (
    flock 9 # two test binaries may want it at once
    [ -e "$libs/complete" ] && exit 0
    rm -rf "$libs"
    # strict checksums: a jar that is not what the registry says stops the installation
    mvn -q -B -C -f "$recipe/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs" >&2
    touch "$libs/complete"
  ) 9>"$cache/kafka.lock"
}

alive() { [ -e "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

configure() {
  local dir=$1 port=$2 controller=$3
  cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
min.insync.replicas=1
default.replication.factor=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
EOF
}

# Starts the process and waits; 1 = it ended before it served (a port was taken meanwhile, for instance).
launch() {
  local dir=$1 owner=$2
  setsid "$java_bin" "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC -XX:-UsePerfData \
    "-Dlog4j.configuration=file:$recipe/log4j.properties" -cp "$libs/*" \
    kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 </dev/null 9>&- &
  local pid=$!
  echo "$pid" >"$dir/pid"
  if [ -n "$owner" ]; then
    setsid bash -c 'while kill -0 "$0" && kill -0 "$1"; do sleep 1; done; kill -9 "$1"' "$owner" "$pid" >/dev/null 2>&1 </dev/null &
  fi
  for _ in $(seq 900); do
    grep -q 'Kafka Server started' "$dir/kafka.log" && return 0
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.1
  done
  kill -9 "$pid"
  return 1
}

start() {
  local dir=$1 owner=$2
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  alive "$dir" && { cat "$dir/bootstrap"; return; }
  command -v "$java_bin" >/dev/null || die "java is not there; on Debian: apt-get install default-jre-headless"
  install
  local tries=5
  [ -e "$dir/bootstrap" ] && tries=1 # its address is known to others: it comes back there or not at all
  for _ in $(seq $tries); do
    if [ $tries -gt 1 ]; then
      local port controller
      port=$(free_port) controller=$(free_port)
      rm -rf "$dir/data"
      configure "$dir" "$port" "$controller"
      local id
      id=$("$java_bin" -cp "$libs/*" kafka.tools.StorageTool random-uuid 2>/dev/null)
      "$java_bin" -cp "$libs/*" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" >/dev/null 2>"$dir/format.log" ||
        die "could not format the storage: $(tail -5 "$dir/format.log")"
    fi
    if launch "$dir" "$owner"; then
      sed -n 's/^listeners=PLAINTEXT:\/\/\([^,]*\),.*/\1/p' "$dir/server.properties" >"$dir/bootstrap"
      cat "$dir/bootstrap"
      return
    fi
  done
  die "the node did not start: $(tail -5 "$dir/kafka.log")"
}

stop() {
  local dir=$1 signal=$2
  alive "$dir" || return 0
  local pid
  pid=$(cat "$dir/pid")
  kill "-$signal" "$pid"
  for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$dir/pid"; return; }
    sleep 0.1
  done
  kill -9 "$pid"
  rm -f "$dir/pid"
}

case "${1:-} ${3:-}" in
  "install ") install ;;
  "start ") start "${2:?start needs a directory}" "" ;;
  "start --owner") start "$2" "${4:?--owner needs a process id}" ;;
  "stop ") stop "${2:?stop needs a directory}" TERM ;;
  "stop --kill") stop "$2" KILL ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
