#!/bin/sh
# Gives Connect the connector, again after every change of its file.
set -eu
connect=${CONNECT:-http://connect:8083}
until curl -sf -o /dev/null "$connect/connectors"; do sleep 1; done
# The file holds name and config; this address takes the config.
sed -n '/"config": {/,$p' /connector.json | sed '1s/.*/{/; $d' >/tmp/config.json
curl -sS --fail-with-body -X PUT -H 'Content-Type: application/json' --data @/tmp/config.json \
  "$connect/connectors/inventory-connector/config"
