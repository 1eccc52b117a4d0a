# shellcheck shell=bash disable=SC2034,SC2154
# parts.sh - sourced by stack.sh: how each part is started, stopped and asked.

# In the order in which records flow; they are stopped in the reverse one, so that
# each writes its last commits while what it writes to still runs.
parts="mariadb kafka couchbase sources home connect run"
reversed() { echo "run connect home sources couchbase kafka mariadb"; }

# as PART COMMAND...: with the pid file and the log of a part.
as() {
  local component=$1 dir=$stack log=$stack/$1.log pidfile=$stack/$1.pid
  case $1 in kafka | mariadb | connect) dir=$stack/$1 log=$stack/$1/$1.log pidfile=$stack/$1/$1.pid ;; esac
  shift
  "$@"
}

part_runs() { as "$1" running; }
own_log() { echo "$log"; }
own_pid() { cat "$pidfile"; }
stop_part() { as "$1" terminate; }

# together FUNCTION...: at the same time; fails when one does. Each is a process
# group of its own, so that interrupted ends all that belongs to it.
together() {
  local function pid pids=() failed=''
  set -m
  for function in "$@"; do
    "$function" &
    pids+=($!)
  done
  set +m
  for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
  [ -z "$failed" ] || die "not everything has started (the reason is above); what runs goes on: make stack-status, make stack-up, make stack-down"
}

prepare() {
  local program
  for program in customer360 customer360-stack; do
    [ -x "$root/bin/$program" ] || die "$root/bin/$program is missing: make stack-up builds it"
  done
  "$here/install.sh" ${MARIADB:+--no-mariadb}
}

# check_given: what has to be said about servers of one's own.
check_given() {
  if [ -z "$own_mariadb" ]; then
    [ -n "${DBZ_PASSWORD:-}" ] || die "MARIADB=$MARIADB needs DBZ_PASSWORD: the password of $DBZ_USER, who captures changes"
    [[ $MARIADB == *:* ]] || die "MARIADB=$MARIADB: write host:port"
  fi
  [ -n "$own_kafka" ] || [[ $KAFKA == *:* ]] || die "KAFKA=$KAFKA: write host:port"
  if [ -z "$own_couchbase" ]; then
    [[ $COUCHBASE == couchbase://* || $COUCHBASE == couchbases://* ]] || die "COUCHBASE=$COUCHBASE: write couchbase://host"
    if [ -n "${COUCHBASE_PASSWORD:-}" ]; then
      COUCHBASE_PASSWORD_FILE=$stack/couchbase.given.password
      printf %s "$COUCHBASE_PASSWORD" >"$COUCHBASE_PASSWORD_FILE"
      write_settings
    fi
    [ -r "$COUCHBASE_PASSWORD_FILE" ] || die "COUCHBASE=$COUCHBASE needs COUCHBASE_PASSWORD or COUCHBASE_PASSWORD_FILE ($COUCHBASE_PASSWORD_FILE cannot be read)"
  fi
}

start_mariadb() { [ -z "$own_mariadb" ] || "$here/mariadb.sh" start; }
start_kafka() { [ -z "$own_kafka" ] || "$here/kafka.sh" start; }
start_connect() { KAFKA=$kafka_address MARIADB=$mariadb_address "$here/connect.sh" start; }
register_connector() { KAFKA=$kafka_address MARIADB=$mariadb_address "$here/connect.sh" register; }

# start_program PART PORT-VARIABLE COMMAND...: one of this repository's programs.
start_program() {
  local variable=$2 port
  if running; then
    say "already there, pid $(cat "$pidfile")"
    return
  fi
  if [ -n "$variable" ]; then
    port=${!variable}
    ! listening "$port" || die "port $port is taken by another process: set $variable"
  fi
  launch "${@:3}"
  [ -z "$variable" ] || await 60 listening "$port"
  say "started, pid $(cat "$pidfile")${port:+, 127.0.0.1:$port}"
}

start_couchbase() {
  [ -n "$own_couchbase" ] || return 0
  as couchbase start_program couchbase COUCHBASE_PORT \
    "$root/bin/customer360" local couchbase --dir "$stack" --listen "127.0.0.1:$COUCHBASE_PORT" --password-file "$COUCHBASE_PASSWORD_FILE"
}

start_sources() {
  as sources start_program sources STORE_PORT \
    "$root/bin/customer360" local sources --dir "$stack" --store "127.0.0.1:$STORE_PORT" --customers "$CUSTOMERS" --seed "$SEED" --night "$NIGHT"
}

# app_password: the file with the password of APP_USER.
app_password() {
  if [ -n "${APP_PASSWORD:-}" ]; then
    printf %s "$APP_PASSWORD" >"$stack/app.password"
    echo "$stack/app.password"
  else
    echo "$MARIADB_DIR/mysqluser.password"
  fi
}

start_home() {
  [ "$SIMULATE" = yes ] || return 0
  as home start_program home "" "$root/bin/customer360-stack" simulate --mariadb "$mariadb_address" --user "$APP_USER" \
    --password-file "$(app_password)" --customers "$CUSTOMERS" --seed "$SEED" --every "$EVERY"
}

start_run() {
  as run start_program run HTTP_PORT "$root/bin/customer360" run --config "$stack/customer360.yaml"
}

make_topics() { "$root/bin/customer360" topics create --config "$stack/customer360.yaml" >&2; }

# await_home: the table is loaded. It says so in its log at each start.
await_home() {
  [ "$SIMULATE" = yes ] || return 0
  as home await 120 grep -q 'the table is loaded' "$stack/home.log"
}

run_ready() { curl -s --fail --max-time 5 "http://127.0.0.1:$HTTP_PORT/readyz" >"$stack/readyz.json" 2>/dev/null; }
await_run() { as run await 120 run_ready; }

# streaming: Debezium reads the binary log. RUNNING, Connect's word, comes earlier:
# before it has read back the schema history, or taken its snapshot.
streaming() {
  "$here/mariadb.sh" sql -N -e "SELECT 1 FROM information_schema.processlist WHERE command = 'Binlog Dump' AND user = '$DBZ_USER'" 2>/dev/null | grep -q 1
}

await_streaming() { [ -z "$own_mariadb" ] || as connect await 120 streaming; }

# caught_up: the processors have done what lies in Kafka, but for what came in the
# last moments. At the first start Matthew's document, of all three sources, says
# that the load has begun to arrive.
caught_up() {
  curl -s --fail --max-time 5 "http://127.0.0.1:$HTTP_PORT/metrics" |
    awk '/^customer360_engine_lag_records{group="(rekey|merge|sink)/ { seen = 1; lag += $2 } END { exit !(seen && lag < 20) }' || return 1
  [ ! -f "$stack/loaded" ] || return 0
  case $("$root/bin/customer360" get --config "$stack/customer360.yaml" matthew.groves@couchbase.com 2>/dev/null) in
    *online_store*home_delivery*loyalty*) touch "$stack/loaded" ;;
    *) return 1 ;;
  esac
}

await_load() {
  [ "$SIMULATE" = yes ] || touch "$stack/loaded"
  as run await 120 caught_up
}

write_configuration() {
  cat >"$stack/customer360.yaml.new" <<YAML
# Written by deploy/stack/stack.sh up at each start: what \`run\`, \`get\` and the other
# commands read (--config, or --dir). Keys: docs/configuration.md.
state_dir: "$stack/state"
kafka:
  brokers: ["$kafka_address"]
  replication_factor: ${REPLICATION_FACTOR:-1}
couchbase:
  connection_string: "${COUCHBASE:-couchbase://127.0.0.1:$COUCHBASE_PORT}"
  username: "$COUCHBASE_USERNAME"
  password_file: "$COUCHBASE_PASSWORD_FILE"
loyalty:
  folder: "$stack/loyalty"
  stable: 300ms
  poll: 1s
online_store:
  url: http://127.0.0.1:$STORE_PORT/api/onlineStore
  requests_per_second: 500
  interval: 1m
  not_found_interval: 2m
http:
  listen: 127.0.0.1:$HTTP_PORT
YAML
  mv "$stack/customer360.yaml.new" "$stack/customer360.yaml"
}

# part_ready: all parts that belong to this stack run.
part_ready() {
  local part
  for part in $parts; do part_state "$part" >/dev/null || return 1; done
}

# part_state PART: one line for people; exit code 1 when it should run and does not.
part_state() {
  local given='' where=''
  case $1 in
    mariadb) given=$MARIADB where=$mariadb_address ;;
    kafka) given=$KAFKA where=$kafka_address ;;
    couchbase) given=$COUCHBASE where=couchbase://127.0.0.1:$COUCHBASE_PORT ;;
    sources) where=http://127.0.0.1:$STORE_PORT/api/onlineStore ;;
    home)
      [ "$SIMULATE" = yes ] || { echo "left out (SIMULATE=$SIMULATE)"; return 0; }
      where="a change every $EVERY" ;;
    connect) where=http://127.0.0.1:$CONNECT_PORT ;;
    run) where=http://127.0.0.1:$HTTP_PORT/readyz ;;
  esac
  if [ -n "$given" ]; then
    echo "yours      $given"
    return 0
  fi
  local log
  log=$(as "$1" own_log)
  if ! part_runs "$1"; then
    echo "down       $where  log $log"
    return 1
  fi
  local word=up code=0
  case $1 in
    connect) "$here/connect.sh" status >/dev/null 2>&1 || { word="connector fails"; code=1; } ;;
    run) run_ready || { word="not ready"; code=1; } ;;
  esac
  printf '%-10s %s  pid %s  log %s\n' "$word" "$where" "$(as "$1" own_pid)" "$log"
  return "$code"
}

summary() {
  local sql=''
  if [ -n "$own_mariadb" ]; then
    sql="deploy/stack/mariadb.sh sql inventory -e \"UPDATE customers SET city = 'Ulm' WHERE id = 1029\""
    [ "$stack" = "$PWD/.stack" ] || sql="MARIADB_DIR=$MARIADB_DIR $sql"
  fi
  cat <<TEXT

  MariaDB        $mariadb_address  database inventory, user $APP_USER, password in $(app_password)
  Kafka          $kafka_address
  Connect        http://127.0.0.1:$CONNECT_PORT/connectors
  Couchbase      ${COUCHBASE:-couchbase://127.0.0.1:$COUCHBASE_PORT}  user $COUCHBASE_USERNAME, password in $COUCHBASE_PASSWORD_FILE
  Online Store   http://127.0.0.1:$STORE_PORT/api/onlineStore
  CSV folder     $stack/loyalty
  customer360    http://127.0.0.1:$HTTP_PORT/readyz  configuration $stack/customer360.yaml

  a customer:    bin/customer360 get --config $stack/customer360.yaml matthew.groves@couchbase.com
${sql:+  a change:      $sql
}  the end:       deploy/stack/stack.sh down (make stack-down)
TEXT
}
