#!/usr/bin/env bash
# stack.sh - the whole line on real servers, on this machine: MariaDB, Kafka,
# Connect with Debezium, Couchbase (an embedded node unless COUCHBASE is given),
# the simulated sources, and customer360.
#
#   stack.sh up      start what does not run yet, wait until all of it works
#   stack.sh down    stop all that this folder's pid files name
#   stack.sh status  each part's state, address and log; exit code 0 when all run
#   stack.sh demo    up, then an INSERT, an UPDATE and a DELETE by SQL, and how long
#                    each takes to show in `customer360 get`
#   stack.sh fresh   down, then remove the folder's data
#
# Environment (defaults in brackets). What `up` chose lies in STACK_DIR/env and
# holds for the next calls; a variable that is set goes before it.
#   STACK_DIR    folder of everything                                  [./.stack]
#   KAFKA_PORT, MARIADB_PORT, CONNECT_PORT, COUCHBASE_PORT, STORE_PORT, HTTP_PORT
#                ports on 127.0.0.1      [29092 23306 28083 21211 28080 28360, or
#                                         another free one where that is taken]
#   CUSTOMERS    people in the simulated world: two of three have a row     [900]
#   SEED         of that world                                                [1]
#   EVERY        time between two changes of the table; 0: none              [1s]
#   NIGHT        time between two CSV files of Loyalty                       [1m]
#
# Servers of your own are used instead, and never started or stopped:
#   KAFKA=host:port    a broker without TLS (topics are created on it)
#   MARIADB=host:port  MariaDB with inventory.customers and a row binary log. Give
#                      DBZ_USER, DBZ_PASSWORD (may replicate) and APP_USER,
#                      APP_PASSWORD (for the demo); nothing is simulated in it
#                      unless SIMULATE=yes
#   COUCHBASE=couchbase://host  with the buckets customer360, staging and
#                      customer360_metadata; COUCHBASE_USERNAME, and
#                      COUCHBASE_PASSWORD or COUCHBASE_PASSWORD_FILE
# kafka.sh, mariadb.sh and connect.sh have more variables; CUSTOMER360_* reach
# customer360 itself.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck disable=SC2034
component=stack
stack=$(realpath -m "${STACK_DIR:-./.stack}")
# The parts of this script's own have their pid files and logs in the folder.
# shellcheck disable=SC2034
dir=$stack log='' pidfile=''
# shellcheck source-path=SCRIPTDIR source=process.sh
. "$here/process.sh"
# shellcheck source-path=SCRIPTDIR source=parts.sh
. "$here/parts.sh"

# chosen NAME: what an earlier up wrote.
chosen() { [ ! -r "$stack/env" ] || sed -n "s/^$1=//p" "$stack/env" | tail -n 1; }

# settle NAME DEFAULT: from the environment (also when it is set to nothing), else
# as before, else the default.
settle() {
  local value=${!1-}
  [ -n "${!1+set}" ] || value=$(chosen "$1")
  export "$1=${value:-$2}"
}

# settle_port NAME DEFAULT: another free port where the default is taken.
settle_port() {
  local port=${!1:-} try
  [ -n "$port" ] || port=$(chosen "$1")
  if [ -z "$port" ]; then
    port=$2
    for try in "$2" $(seq $(($2 + 10)) 10 $(($2 + 400))); do
      port=$try
      listening "$try" || [[ $taken == *" $try "* ]] || break
    done
    taken="$taken$port "
  fi
  export "$1=$port"
}

settings() {
  taken=" "
  settle_port KAFKA_PORT 29092
  settle_port KAFKA_CONTROLLER_PORT $((KAFKA_PORT + 1))
  settle_port MARIADB_PORT 23306
  settle_port CONNECT_PORT 28083
  settle_port COUCHBASE_PORT 21211
  settle_port STORE_PORT 28080
  settle_port HTTP_PORT 28360
  settle CUSTOMERS 900
  settle SEED 1
  settle EVERY 1s
  settle NIGHT 1m
  own_kafka='' own_mariadb='' own_couchbase=''
  settle KAFKA ""; [ -n "$KAFKA" ] || own_kafka=yes
  settle MARIADB ""; [ -n "$MARIADB" ] || own_mariadb=yes
  settle COUCHBASE ""; [ -n "$COUCHBASE" ] || own_couchbase=yes
  settle SIMULATE "${own_mariadb:-no}"
  settle APP_USER mysqluser
  settle DBZ_USER debezium
  settle COUCHBASE_USERNAME customer360
  # Passwords are not written to the file of settings.
  settle COUCHBASE_PASSWORD_FILE "$stack/couchbase.password"
  export KAFKA_DIR=$stack/kafka MARIADB_DIR=$stack/mariadb CONNECT_DIR=$stack/connect
  kafka_address=${KAFKA:-127.0.0.1:$KAFKA_PORT}
  mariadb_address=${MARIADB:-127.0.0.1:$MARIADB_PORT}
}

write_settings() {
  {
    echo "# Written by deploy/stack/stack.sh up: what its next calls use."
    for name in KAFKA_PORT KAFKA_CONTROLLER_PORT MARIADB_PORT CONNECT_PORT COUCHBASE_PORT STORE_PORT HTTP_PORT CUSTOMERS SEED EVERY NIGHT \
      KAFKA MARIADB COUCHBASE SIMULATE APP_USER DBZ_USER COUCHBASE_USERNAME COUCHBASE_PASSWORD_FILE KAFKA_DIR MARIADB_DIR CONNECT_DIR; do
      echo "$name=${!name}"
    done
  } >"$stack/env.new"
  mv "$stack/env.new" "$stack/env"
}

# hold SECONDS: one stack.sh works in a folder; another one waits that long.
hold() {
  mkdir -p "$stack"
  exec 8>"$stack/lock"
  flock -w "$1" 8 || die "another stack.sh works in $stack"
}

# interrupted: what this call has started ends with it.
interrupted() {
  trap '' INT TERM
  say "interrupted: stopping what this call has started"
  local job
  for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
  wait || true
  local part
  for part in $(reversed); do
    [[ $before == *" $part "* ]] || stop_part "$part"
  done
  exit 130
}

up() {
  hold 0
  local begin=$SECONDS part
  before=" "
  for part in $parts; do
    ! part_runs "$part" || before="$before$part "
  done
  trap interrupted INT TERM
  prepare
  settings
  write_settings
  check_given
  # The servers do not wait for each other.
  together start_mariadb start_kafka start_couchbase start_sources
  write_configuration
  # The topics get customer360's settings before Debezium could make them.
  together make_topics start_connect start_home
  together register_connector start_run
  await_home
  await_streaming
  await_run
  await_load
  trap - INT TERM
  say "ready after $((SECONDS - begin)) s"
  summary
}

# down waits for what an up that was killed may still be starting.
down() {
  [ -d "$stack" ] || return 0
  hold 150
  local part
  for part in $(reversed); do stop_part "$part"; done
}

status() {
  local part code=0 state
  for part in $parts; do
    state=$(part_state "$part") || code=1
    printf '%-10s %s\n' "$part" "$state"
  done
  return "$code"
}

demo() {
  part_ready || up
  settings
  "$root/bin/customer360-stack" demo --mariadb "$mariadb_address" --user "$APP_USER" --password-file "$(app_password)" \
    --binary "$root/bin/customer360" --config "$stack/customer360.yaml"
}

# fresh: the data go, downloads and the settings stay.
fresh() {
  down
  local name
  for name in kafka mariadb connect couchbase couchbase.password simulate loyalty state loaded; do rm -rf "${stack:?}/$name"; done
}

case ${1:-} in
  up) up ;;
  down) settings; down ;;
  status) settings; status ;;
  demo) settings; demo ;;
  fresh) settings; fresh ;;
  *) manual "${BASH_SOURCE[0]}"; exit 2 ;;
esac
