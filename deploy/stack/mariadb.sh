#!/usr/bin/env bash
# mariadb.sh - a private MariaDB server with the binary log that Debezium needs.
#
#   mariadb.sh start   make the data folder when it is missing, start, make the
#                      users and the table inventory.customers, wait
#   mariadb.sh stop    stop the server that this folder's pid file names
#   mariadb.sh status  exit code 0 when it answers
#   mariadb.sh sql     SQL shell as root, through the socket; reads stdin, passes
#                      options on: `mariadb.sh sql -e 'SELECT 1'`
#
# Environment (defaults in brackets):
#   MARIADB_DIR    work folder: data, socket, log, pid file, passwords
#                                                            [./.stack/mariadb]
#   MARIADB_PORT   port on 127.0.0.1                                    [13306]
#   MARIADB_SCHEMA file of SQL, loaded when the database inventory has no table
#                  customers                           [inventory.sql, beside this]
#   MARIADB_EXTRA  options of mariadbd, e.g. "--gtid-domain-id=1"             []
#   DBZ_USER, DBZ_PASSWORD   the user that captures
#                  [debezium, and at random: MARIADB_DIR/debezium.password]
#   APP_USER, APP_PASSWORD   the user that writes
#                  [mysqluser, and at random: MARIADB_DIR/mysqluser.password]
#   STACK_CACHE    as in kafka.sh
#
# The table's ids begin at 1000001 for rows inserted without an id: those below
# belong to the simulator (customer360-stack).
# Needs Debian's mariadb-server-core and mariadb-client-core. The packaged service
# is not used; nothing under /etc/mysql is read.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin
# shellcheck disable=SC2034
component=mariadb
dir=$(realpath -m "${MARIADB_DIR:-./.stack/mariadb}")
log=$dir/mariadb.log pidfile=$dir/mariadb.pid data=$dir/data
# shellcheck source-path=SCRIPTDIR source=process.sh
. "$here/process.sh"
port=${MARIADB_PORT:-13306}
schema=${MARIADB_SCHEMA:-$here/inventory.sql}
dbz_user=${DBZ_USER:-debezium} app_user=${APP_USER:-mysqluser}
read -ra extra <<<"${MARIADB_EXTRA:-}"
# The path of a socket is limited to 107 bytes.
socket=$dir/s
[ ${#socket} -lt 100 ] || socket=/tmp/customer360-$(id -u)-mariadb-$port.sock

sql() { mariadb --no-defaults --default-character-set=utf8mb4 --socket="$socket" --user=root "$@"; }
answers() { sql -e 'SELECT 1' >/dev/null 2>&1; }

# quoted TEXT: as a string of SQL.
quoted() { local s=${1//\\/\\\\}; printf "'%s'" "${s//\'/\'\'}"; }

# The data folder gets its name when it is complete.
install_data() {
  [ ! -d "$data" ] || return 0
  rm -rf "$data.new"
  mariadb-install-db --no-defaults "${as[@]}" --datadir="$data.new" \
    --auth-root-authentication-method=normal --skip-test-db >"$dir/install.log" 2>&1 ||
    fail "making $data failed" "$dir/install.log"
  mv "$data.new" "$data"
}

# users: with passwords as they are now. Outside the binary log: the connector
# reads it. REPLICATION SLAVE reads the log; BINLOG MONITOR is SHOW MASTER STATUS
# and SHOW BINARY LOGS; RELOAD and LOCK TABLES make a consistent snapshot.
users() {
  local dbz app
  dbz=${DBZ_PASSWORD:-$(password_in "$dir/debezium.password")}
  app=${APP_PASSWORD:-$(password_in "$dir/mysqluser.password")}
  sql <<SQL || fail "the users could not be made, see above"
SET SESSION sql_log_bin=0;
CREATE USER IF NOT EXISTS $(quoted "$dbz_user")@'%';
ALTER USER $(quoted "$dbz_user")@'%' IDENTIFIED BY $(quoted "$dbz");
GRANT SELECT, RELOAD, SHOW DATABASES, LOCK TABLES, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO $(quoted "$dbz_user")@'%';
CREATE USER IF NOT EXISTS $(quoted "$app_user")@'%';
ALTER USER $(quoted "$app_user")@'%' IDENTIFIED BY $(quoted "$app");
GRANT ALL PRIVILEGES ON inventory.* TO $(quoted "$app_user")@'%';
GRANT ALL PRIVILEGES ON simulator.* TO $(quoted "$app_user")@'%';
SQL
}

tables() {
  local there
  there=$(sql -N -e "SELECT 1 FROM information_schema.tables WHERE table_schema='inventory' AND table_name='customers'")
  [ -z "$there" ] || return 0
  sql <"$schema" || fail "$schema could not be loaded, see above"
}

start() {
  only_once
  need mariadbd mariadb-server-core
  need mariadb-install-db mariadb-server-core
  need mariadb mariadb-client-core
  if running && answers; then
    say "already there, pid $(cat "$pidfile"), 127.0.0.1:$port"
    return
  fi
  if ! running; then
    if listening "$port"; then
      die "port $port is taken by another process: set MARIADB_PORT"
    fi
    # mariadbd refuses to run as root unless told so.
    as=()
    [ "$(id -u)" != 0 ] || as=(--user=root)
    install_data
    # loose-: an option that only newer versions know. With it MariaDB 11.4 and
    # later write positions that are not 0.
    launch mariadbd --no-defaults "${as[@]}" \
      --datadir="$data" --socket="$socket" --pid-file="$dir/mariadbd.own.pid" \
      --bind-address=127.0.0.1 --port="$port" --skip-name-resolve \
      --server-id=223344 --log-bin=mysql-bin --binlog-format=ROW --binlog-row-image=FULL \
      --binlog-expire-logs-seconds=864000 --loose-binlog-legacy-event-pos=ON \
      --character-set-server=utf8mb4 --default-time-zone=+00:00 \
      --innodb-buffer-pool-size=64M --performance-schema=OFF "${extra[@]}"
  fi
  await "${START_SECONDS:-120}" answers
  users
  tables
  say "ready, pid $(cat "$pidfile"), 127.0.0.1:$port, socket $socket"
}

case ${1:-} in
  start) start ;;
  stop) terminate ;;
  status) running && answers ;;
  sql) shift; sql "$@" ;;
  *) manual "${BASH_SOURCE[0]}"; exit 2 ;;
esac
