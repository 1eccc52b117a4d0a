#!/bin/bash
# make.sh BINARY: makes fixture.tar.gz with the binary of an older version, by its commands alone.
set -euo pipefail
binary=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd) work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
up() {
  exec "$binary" up --dir upgrade --customers 40 --seed 7 "$@" \
    --kafka 127.0.0.1:27092 --couchbase 127.0.0.1:27210 --store 127.0.0.1:27080 --http 127.0.0.1:27360 2>>up.log
}

(up --once)

# Days of the simulated world: rows, members and orders change, come and go.
up --events 10 --night 2s & running=$!
until curl -sf -o /dev/null http://127.0.0.1:27360/readyz; do sleep 0.2; done
until [ "$("$binary" import --dir upgrade --history | grep -c ' done ')" -ge 3 ]; do sleep 0.2; done
kill -TERM $running; wait $running

# A dead letter (a row without a usable email) and a held file.
up --events 0 --night 24h & running=$!
until curl -sf -o /dev/null http://127.0.0.1:27360/readyz; do sleep 0.2; done
newest=$(ls -t upgrade/loyalty/*.csv | head -1)
sed '3s/@/ at /' "$newest" > bad.csv
"$binary" import --dir upgrade bad.csv
head -5 "$newest" > short.csv
"$binary" import --dir upgrade short.csv && exit 1 || [ $? = 3 ]
kill -TERM $running; wait $running

(up --once --events 0) # ends when everything has arrived
rm -f upgrade/lock upgrade/customer360.log
find upgrade -name LOG -o -name LOG.old | xargs rm -f # leveldb's own
tar --sort=name --owner=0 --group=0 --numeric-owner -cf - upgrade | gzip -9n > "$here/fixture.tar.gz"
ls -l "$here/fixture.tar.gz"
