#!/usr/bin/env bash
# connect.sh - one Kafka Connect worker (distributed mode) with Debezium.
#
#   connect.sh start      fetch jars and plugin when they are missing, start, wait
#   connect.sh register   create or update the connector, wait until it runs
#   connect.sh config     print the connector's configuration (what register sends)
#   connect.sh restart    restart the connector and its task, wait until they run
#   connect.sh delete     delete the connector; its offsets stay in Kafka
#   connect.sh reset      stop the connector, delete its offsets, delete it: the
#                         next register begins with a snapshot
#   connect.sh stop       stop the worker that this folder's pid file names
#   connect.sh status     the connector's status as JSON; exit code 0 when the
#                         connector and its task run
#
# Environment (defaults in brackets):
#   CONNECT_DIR       work folder: configuration, log, pid file [./.stack/connect]
#   CONNECT_PORT      port of its REST interface on 127.0.0.1            [18083]
#   CONNECT_GROUP     group id; also begins the names of its 3 topics  [connect]
#   CONNECT_HEAP      heap                                                [384m]
#   CONNECT_LOG_LEVEL root level of the log                               [INFO]
#   CONNECT_PLUGINS   folder of unpacked plugins
#                                         [STACK_CACHE/plugins-FLAVOUR-VERSION]
#   CONNECT_EXTRA_PROPERTIES  file of worker properties, appended (for a broker
#                     with TLS or SASL: the same with producer. and admin. too) []
#   KAFKA             the broker's address       [127.0.0.1:KAFKA_PORT or 19092]
#   KAFKA_LIBS        folder of the jars, as in kafka.sh
#   MARIADB           the database's address  [127.0.0.1:MARIADB_PORT or 13306]
#   DBZ_USER, DBZ_PASSWORD  the capturing user
#                     [debezium, and what MARIADB_DIR/debezium.password holds]
#   MARIADB_DIR       as in mariadb.sh                        [./.stack/mariadb]
#   DEBEZIUM          mariadb or mysql: which connector                [mariadb]
#   DEBEZIUM_VERSION  3.3 or later with Kafka 4                    [3.3.0.Final]
#   CONNECTOR         the connector's name                 [inventory-connector]
#   TOPIC_PREFIX      begins each topic's name                       [dbserver1]
#   SCHEMAS_ENABLE    true: {"schema":...,"payload":...}; false: bare    [false]
#   DBZ_SERVER_ID     id as a replica, unique among the server's        [184054]
#   DBZ_EXTRA         more configuration as members of JSON, without the outer
#                     braces; a name given here replaces ours                 []
#   STACK_CACHE       as in kafka.sh
#
# A MariaDB server wants the mariadb connector: the mysql one streams from it
# too, but was seen to lose the first row after a clean restart (2 of 2).
# Debezium 2.7 and 3.1 fail on Kafka 4 at their first restart: NoSuchMethodError
# KafkaConsumer.poll(long).
# Needs Java 17 or later, curl, python3, and Maven for what is not there yet.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
component=connect
dir=$(realpath -m "${CONNECT_DIR:-./.stack/connect}")
log=$dir/connect.log pidfile=$dir/connect.pid
# shellcheck source-path=SCRIPTDIR source=process.sh
. "$here/process.sh"
libs=$(realpath -m "${KAFKA_LIBS:-$cache/kafka-libs-4.3.1}")
flavour=${DEBEZIUM:-mariadb} version=${DEBEZIUM_VERSION:-3.3.0.Final}
plugins=$(realpath -m "${CONNECT_PLUGINS:-$cache/plugins-$flavour-$version}")
port=${CONNECT_PORT:-18083} url=http://127.0.0.1:$port
group=${CONNECT_GROUP:-connect} heap=${CONNECT_HEAP:-384m}
kafka=${KAFKA:-127.0.0.1:${KAFKA_PORT:-19092}}
mariadb=${MARIADB:-127.0.0.1:${MARIADB_PORT:-13306}}
name=${CONNECTOR:-inventory-connector} prefix=${TOPIC_PREFIX:-dbserver1}

rest() { curl -sS --fail-with-body --max-time 60 -H 'Content-Type: application/json' "$@"; }
# /connectors answers only when the worker has joined its group.
answers() { curl -s --fail --max-time 5 "$url/connectors" >/dev/null 2>&1; }

fetch() {
  KAFKA_LIBS=$libs "$here/kafka.sh" libs
  [ ! -d "$plugins/debezium-connector-$flavour" ] || return 0
  one_download
  unpack
  exec 7>&-
}

unpack() {
  [ ! -d "$plugins/debezium-connector-$flavour" ] || return 0
  local file=debezium-connector-$flavour-$version-plugin.tar.gz
  local archive=$cache/download/$file part=$plugins.part
  if [ ! -f "$archive" ]; then
    need mvn maven
    say "fetching Debezium's $flavour connector $version (14 MB)"
    rm -rf "$cache/download.part"
    mvn -q -B dependency:copy -DoutputDirectory="$cache/download.part" \
      -Dartifact="io.debezium:debezium-connector-$flavour:$version:tar.gz:plugin" >&2 ||
      die "Maven could not fetch Debezium's $flavour connector $version (its messages are above)"
    mkdir -p "$cache/download"
    mv "$cache/download.part/$file" "$archive"
  fi
  rm -rf "$part"
  mkdir -p "$part"
  tar -xzf "$archive" -C "$part" || die "$archive cannot be unpacked: remove it, and start again"
  rm -rf "$plugins"
  mv -T "$part" "$plugins"
}

configure() {
  password_file # it must be there before a connector asks for it
  cat >"$dir/connect.properties" <<PROPS
bootstrap.servers=$kafka
group.id=$group
listeners=HTTP://127.0.0.1:$port
# Each folder below is a plugin with a class loader of its own. service_load
# skips the slow scan of every class.
plugin.path=$plugins
plugin.discovery=service_load
config.storage.topic=$group-configs
offset.storage.topic=$group-offsets
offset.storage.partitions=4
status.storage.topic=$group-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
# After a crash (not after a stop) what came since the last flush is sent again.
offset.flush.interval.ms=1000
# There is no other worker that could come back: after an outage of the broker
# this one would wait for 5 minutes before it gives itself the connector again.
scheduled.rebalance.max.delay.ms=0
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
# customer360 checks that a key lies where murmur2 puts it: the producer's
# default partitioner, which looks at the key.
producer.partitioner.ignore.keys=false
producer.acks=all
# A connector's configuration names its password's file, never the password.
config.providers=directory
config.providers.directory.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
config.providers.directory.param.allowed.paths=$dir/secrets
PROPS
  if [ -n "${CONNECT_EXTRA_PROPERTIES:-}" ]; then
    [ -r "$CONNECT_EXTRA_PROPERTIES" ] || die "CONNECT_EXTRA_PROPERTIES=$CONNECT_EXTRA_PROPERTIES cannot be read"
    cat "$CONNECT_EXTRA_PROPERTIES" >>"$dir/connect.properties"
  fi
  cat >"$dir/log4j2.properties" <<PROPS
rootLogger.level=${CONNECT_LOG_LEVEL:-INFO}
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1}: %m%n
# Each client's whole configuration.
logger.cfg.name=org.apache.kafka.common.config.AbstractConfig
logger.cfg.level=WARN
PROPS
}

# password_file: where the worker reads the capturing user's password.
password_file() {
  local from=${MARIADB_DIR:-./.stack/mariadb}/debezium.password
  mkdir -p "$dir/secrets"
  if [ -n "${DBZ_PASSWORD:-}" ]; then
    printf %s "$DBZ_PASSWORD" >"$dir/secrets/database.password"
  elif [ -r "$from" ]; then
    cp "$from" "$dir/secrets/database.password"
  else
    die "no password for the user ${DBZ_USER:-debezium}: set DBZ_PASSWORD (or MARIADB_DIR: $from is not there)"
  fi
}

start() {
  only_once
  need curl curl
  need python3 python3
  if running && answers; then
    say "already there, pid $(cat "$pidfile"), $url"
    return
  fi
  if ! running; then
    if listening "$port"; then
      die "port $port is taken by another process: set CONNECT_PORT"
    fi
    need java default-jre-headless
    fetch
    configure
    launch java -Xms64m -Xmx"$heap" -XX:+UseSerialGC -Dlog4j2.configurationFile="$dir/log4j2.properties" \
      -cp "$libs/*" org.apache.kafka.connect.cli.ConnectDistributed "$dir/connect.properties"
  fi
  await "${START_SECONDS:-120}" answers
  say "ready, pid $(cat "$pidfile"), $url"
}

config() {
  local class
  case $flavour in
    mysql) class=io.debezium.connector.mysql.MySqlConnector ;;
    mariadb) class=io.debezium.connector.mariadb.MariaDbConnector ;;
    *) die "DEBEZIUM=$flavour: use mariadb or mysql" ;;
  esac
  DBZ_EXTRA=${DBZ_EXTRA:-} python3 - <<PYTHON
import json, os
config = {
    "connector.class": "$class",
    "tasks.max": "1",
    "database.hostname": "${mariadb%:*}",
    "database.port": "${mariadb##*:}",
    "database.user": "${DBZ_USER:-debezium}",
    "database.password": "\${directory:$dir/secrets:database.password}",
    "database.server.id": "${DBZ_SERVER_ID:-184054}",
    "topic.prefix": "$prefix",
    "database.include.list": "inventory",
    "schema.history.internal.kafka.bootstrap.servers": "$kafka",
    "schema.history.internal.kafka.topic": "schemahistory.$prefix",
    "topic.creation.default.partitions": "1",
    "topic.creation.default.replication.factor": "1",
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "key.converter.schemas.enable": "${SCHEMAS_ENABLE:-false}",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "${SCHEMAS_ENABLE:-false}",
}
config.update(json.loads("{" + os.environ["DBZ_EXTRA"] + "}"))
print(json.dumps(config, indent=2))
PYTHON
}

# runs: the connector and its one task. What the task says when it failed is kept
# in trouble.
runs() {
  local state
  state=$(curl -s --max-time 10 "$url/connectors/$name/status") || return 1
  trouble=$(STATE=$state python3 -c '
import json, os, sys
try: s = json.loads(os.environ["STATE"])
except ValueError: sys.exit(1)
parts = [s.get("connector", {})] + s.get("tasks", [])
for p in parts:
    if p.get("state") == "FAILED": print(p.get("trace", "FAILED")[:2000]); sys.exit(0)
sys.exit(0 if len(parts) == 2 and all(p.get("state") == "RUNNING" for p in parts) else 1)')
}

await_running() {
  local end=$((SECONDS + ${START_SECONDS:-120}))
  until runs; do
    [ "$SECONDS" -lt "$end" ] || fail "the connector $name does not run after ${START_SECONDS:-120} s, see $log"
    sleep 0.3
  done
  [ -z "$trouble" ] || fail "the connector $name failed: $trouble"
  say "the connector $name runs"
}

# register: while workers find each other Connect answers 409, and a moment after
# its start 404 or 500: asked again.
register() {
  local end=$((SECONDS + ${START_SECONDS:-120})) body
  mkdir -p "$dir"
  password_file
  body=$(config)
  until rest -X PUT --data-binary "$body" "$url/connectors/$name/config" >"$dir/register.json" 2>&1; do
    if grep -q '"error_code":400' "$dir/register.json" || [ "$SECONDS" -ge "$end" ]; then
      fail "the connector $name was not accepted" "$dir/register.json"
    fi
    sleep 0.5
  done
  await_running
}

# stopped: only a stopped connector's offsets may be deleted.
stopped() { rest "$url/connectors/$name/status" 2>/dev/null | grep -q '"connector":{"state":"STOPPED"'; }

reset() {
  local end=$((SECONDS + ${START_SECONDS:-120}))
  rest -X PUT "$url/connectors/$name/stop" || fail "the connector $name could not be stopped"
  until stopped && rest -X DELETE "$url/connectors/$name/offsets" >"$dir/reset.json" 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "the offsets of $name could not be deleted" "$dir/reset.json"
    sleep 0.3
  done
  rest -X DELETE "$url/connectors/$name" || fail "the connector $name could not be deleted"
  say "the connector $name and its offsets are deleted"
}

case ${1:-} in
  start) start ;;
  register) register ;;
  config) config ;;
  restart)
    rest -X POST "$url/connectors/$name/restart?includeTasks=true" >/dev/null
    await_running ;;
  delete) rest -X DELETE "$url/connectors/$name"; say "the connector $name is deleted" ;;
  reset) reset ;;
  stop) terminate ;;
  status)
    rest "$url/connectors/$name/status"; echo
    runs && [ -z "$trouble" ] ;;
  *) manual "${BASH_SOURCE[0]}"; exit 2 ;;
esac
