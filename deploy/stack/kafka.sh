#!/usr/bin/env bash
# kafka.sh - one Apache Kafka broker (KRaft, combined mode) from Maven's jars.
#
#   kafka.sh libs       fetch the jars only (connect.sh needs the same ones)
#   kafka.sh start      fetch and format what is missing, start, wait
#   kafka.sh stop       stop the broker that this folder's pid file names
#   kafka.sh status     exit code 0 when it answers
#   kafka.sh topics ... kafka-topics.sh's options, e.g. `kafka.sh topics --list`
#   kafka.sh tool CLASS ...  any class of the jars, e.g.
#                       `kafka.sh tool org.apache.kafka.tools.ConfigCommand --help`
#
# Environment (defaults in brackets):
#   KAFKA_DIR              work folder: data, configuration, log, pid file
#                                                              [./.stack/kafka]
#   KAFKA_LIBS             folder of the jars    [STACK_CACHE/kafka-libs-4.3.1]
#   KAFKA_PORT             client port on 127.0.0.1                     [19092]
#   KAFKA_CONTROLLER_PORT  controller's port                 [KAFKA_PORT plus 1]
#   KAFKA_HEAP             heap                                          [512m]
#   KAFKA_LOG_LEVEL        root level of the log                         [WARN]
#   KAFKA_EXTRA_PROPERTIES file of server properties, appended: of two lines
#                          with one name the later counts, so it can replace
#                          listeners (KAFKA_PORT must stay a client's port)  []
#   KAFKA_FORMAT_OPTIONS   options of `StorageTool format`, e.g.
#                          "--add-scram SCRAM-SHA-512=[name=u,password=p]"   []
#   KAFKA_OPTS             options of the JVM                                []
#   STACK_CACHE            downloads
#                          [${XDG_CACHE_HOME:-~/.cache}/customer360-stack]
#
# Topics are not made by being used: a wrong name is an error, not a topic.
# Needs Java 17 or later, and Maven when the jars are not there yet.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
component=kafka
dir=$(realpath -m "${KAFKA_DIR:-./.stack/kafka}")
log=$dir/kafka.log pidfile=$dir/kafka.pid props=$dir/server.properties
# shellcheck source-path=SCRIPTDIR source=process.sh
. "$here/process.sh"
libs=$(realpath -m "${KAFKA_LIBS:-$cache/kafka-libs-4.3.1}")
port=${KAFKA_PORT:-19092}
controller=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
heap=${KAFKA_HEAP:-512m}
read -ra jvm <<<"${KAFKA_OPTS:-}"

tool() {
  need java default-jre-headless
  local logging=()
  [ ! -f "$dir/log4j2.properties" ] || logging=(-Dlog4j2.configurationFile="$dir/log4j2.properties")
  java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "${logging[@]}" -cp "$libs/*" "$@"
}

# The folder gets its name when it is complete.
fetch() {
  [ ! -d "$libs" ] || return 0
  one_download
  if [ -d "$libs" ]; then
    exec 7>&-
    return
  fi
  need mvn maven
  say "fetching the jars of Kafka and Connect into $libs (55 MB)"
  local part=$libs.part
  rm -rf "$part"
  mkdir -p "$(dirname "$libs")"
  if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$part" >&2; then
    rm -rf "$part"
    die "Maven could not fetch the jars (its messages are above): is Maven Central, or the mirror in ~/.m2/settings.xml, reachable?"
  fi
  mv -T "$part" "$libs"
  exec 7>&-
}

configure() {
  cat >"$props" <<PROPS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
# One node: one replica, and few partitions (the defaults of 50 cost start time).
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Groups form at once instead of after 3 s.
group.initial.rebalance.delay.ms=0
# The default of 128 MiB is allocated at start.
log.cleaner.dedupe.buffer.size=4194304
PROPS
  if [ -n "${KAFKA_EXTRA_PROPERTIES:-}" ]; then
    [ -r "$KAFKA_EXTRA_PROPERTIES" ] || die "KAFKA_EXTRA_PROPERTIES=$KAFKA_EXTRA_PROPERTIES cannot be read"
    cat "$KAFKA_EXTRA_PROPERTIES" >>"$props"
  fi
  cat >"$dir/log4j2.properties" <<PROPS
rootLogger.level=${KAFKA_LOG_LEVEL:-WARN}
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.target=SYSTEM_ERR
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1}: %m%n
PROPS
}

format() {
  [ ! -f "$dir/data/meta.properties" ] || return 0
  local options=()
  read -ra options <<<"${KAFKA_FORMAT_OPTIONS:-}"
  local id
  if ! id=$(tool kafka.tools.StorageTool random-uuid 2>"$dir/format.log") ||
    ! tool kafka.tools.StorageTool format --ignore-formatted -t "$id" -c "$props" "${options[@]}" >>"$dir/format.log" 2>&1; then
    fail "formatting $dir/data failed, see $dir/format.log" "$dir/format.log"
  fi
}

start() {
  only_once
  if running && listening "$port"; then
    say "already there, pid $(cat "$pidfile"), 127.0.0.1:$port"
    return
  fi
  if ! running; then
    if listening "$port"; then
      die "port $port is taken by another process: set KAFKA_PORT"
    fi
    need java default-jre-headless
    fetch
    configure
    format
    launch java -Xms128m -Xmx"$heap" -XX:+UseG1GC "${jvm[@]}" \
      -Dlog4j2.configurationFile="$dir/log4j2.properties" -cp "$libs/*" kafka.Kafka "$props"
  fi
  # The client port is the last thing that a broker opens.
  await "${START_SECONDS:-120}" listening "$port"
  say "ready, pid $(cat "$pidfile"), 127.0.0.1:$port"
}

case ${1:-} in
  libs) fetch ;;
  start) start ;;
  stop) terminate ;;
  status) running && listening "$port" ;;
  topics) shift; tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" "$@" ;;
  tool) shift; tool "$@" ;;
  *) manual "${BASH_SOURCE[0]}"; exit 2 ;;
esac
