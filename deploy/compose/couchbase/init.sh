#!/bin/bash
# Makes of a fresh node a cluster with three buckets and one user; does nothing twice.
set -euo pipefail
node=${COUCHBASE_NODE:-couchbase}
cli() { local command=$1; shift; couchbase-cli "$command" --cluster "$node" --username Administrator --password "$COUCHBASE_ADMINISTRATOR_PASSWORD" "$@"; }

until (exec 3<>"/dev/tcp/$node/8091") 2>/dev/null; do sleep 1; done
if ! cli server-list >/dev/null 2>&1; then
  couchbase-cli cluster-init --cluster "$node" --cluster-username Administrator \
    --cluster-password "$COUCHBASE_ADMINISTRATOR_PASSWORD" --cluster-name customer360 \
    --services data --cluster-ramsize 768
fi
for bucket in customer360 staging customer360_metadata; do
  if ! cli bucket-list | grep -qx "$bucket"; then
    # A bucket of type couchbase without a maximum TTL: neither memory's end nor time takes away
    # what was written.
    cli bucket-create --bucket "$bucket" --bucket-type couchbase --bucket-ramsize 256 \
      --bucket-replica 0 --wait
  fi
done
# SystemXattrWrite, which the fence needs, is in bucket_full_access.
cli user-manage --set --auth-domain local --rbac-username customer360 --rbac-password "$CUSTOMER360_COUCHBASE_PASSWORD" \
  --roles 'bucket_full_access[customer360],bucket_full_access[staging],bucket_full_access[customer360_metadata]'
echo "couchbase: buckets and user are there"
