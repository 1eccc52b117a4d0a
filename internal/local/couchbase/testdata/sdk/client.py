"""A client of the embedded node: python3 client.py ADDRESS PASSWORD. Says what works, step by step; any failure ends it with 1."""
import sys
import time
from datetime import timedelta

import couchbase.subdocument as SD
from couchbase.auth import PasswordAuthenticator
from couchbase.cluster import Cluster
from couchbase.durability import Durability, ServerDurability
from couchbase.exceptions import (AuthenticationException, CasMismatchException, CouchbaseException, DocumentExistsException,
                                  DocumentLockedException, DocumentNotFoundException, PathNotFoundException, TimeoutException)
from couchbase.options import (ClusterOptions, ClusterTimeoutOptions, GetOptions, MutateInOptions, RemoveOptions, ReplaceOptions,
                               UpsertOptions)

address, password = sys.argv[1:]


def connect(secret):
    timeouts = ClusterTimeoutOptions(bootstrap_timeout=timedelta(seconds=20), kv_timeout=timedelta(seconds=10))
    return Cluster(address, ClusterOptions(PasswordAuthenticator("Administrator", secret), timeout_options=timeouts))


def refused(kinds, call):
    try:
        call()
    except kinds:
        return
    raise AssertionError(f"not refused with {kinds}")


def step(name):
    print("ok", name, flush=True)


cluster = connect(password)
bucket = cluster.bucket("default")
for where, col in (("default", bucket.default_collection()), ("named", bucket.scope("app").collection("docs"))):
    key = "python-" + where
    refused(DocumentNotFoundException, lambda: col.get(key))
    col.upsert(key, {"n": 1, "text": "ä"})
    assert col.get(key).content_as[dict] == {"n": 1, "text": "ä"}
    assert col.exists(key).exists and not col.exists(key + "-not").exists
    step(where + " upsert, get")

    old = col.get(key).cas
    new = col.replace(key, {"n": 2}, ReplaceOptions(cas=old)).cas
    refused(CasMismatchException, lambda: col.replace(key, {"n": 3}, ReplaceOptions(cas=old)))
    refused(DocumentExistsException, lambda: col.insert(key, {"n": 4}))
    assert col.get(key).content_as[dict] == {"n": 2} and col.get(key).cas == new
    step(where + " replace with CAS")

    refused(CasMismatchException, lambda: col.remove(key, RemoveOptions(cas=old)))
    col.remove(key, RemoveOptions(cas=new))
    refused(DocumentNotFoundException, lambda: col.get(key))
    refused(DocumentNotFoundException, lambda: col.remove(key))
    step(where + " remove")

    col.upsert(key, {"n": 1}, UpsertOptions(expiry=timedelta(hours=25)))
    left = col.get(key, GetOptions(with_expiry=True)).expiryTime.timestamp() - time.time()
    assert 24.9 * 3600 < left < 25.1 * 3600, left
    col.touch(key, timedelta(seconds=1))
    end = time.time() + 60
    while col.exists(key).exists:
        assert time.time() < end
        time.sleep(0.2)
    step(where + " expiry")

    fence = {"g": 1, "o": 4711}
    made = col.mutate_in(key, (SD.upsert("_c360", fence, xattr=True, create_parents=True), SD.replace("", {"a": [1, 2]})),
                         MutateInOptions(store_semantics=SD.StoreSemantics.INSERT))
    looked = col.lookup_in(key, (SD.get("_c360", xattr=True), SD.get("a[1]"), SD.exists("b"), SD.get("$document.exptime", xattr=True), SD.count("a")))
    assert looked.cas == made.cas and looked.content_as[dict](0) == fence and looked.content_as[int](1) == 2
    assert not looked.exists(2) and looked.content_as[int](3) == 0 and looked.content_as[int](4) == 2
    refused(PathNotFoundException, lambda: col.lookup_in(key, (SD.get("nowhere"),)).content_as[dict](0))
    col.mutate_in(key, (SD.array_append("a", 3), SD.counter("c", 5, create_parents=True)), MutateInOptions(cas=made.cas))
    refused(CasMismatchException, lambda: col.mutate_in(key, (SD.upsert("a", 0),), MutateInOptions(cas=made.cas)))
    col.upsert(key, {"plain": True})  # keeps the system xattr
    assert col.lookup_in(key, (SD.get("_c360", xattr=True),)).content_as[dict](0) == fence
    step(where + " sub-document with xattrs")

    held = col.get_and_lock(key, timedelta(seconds=15))
    refused((DocumentLockedException, TimeoutException), lambda: col.upsert(key, 1, UpsertOptions(timeout=timedelta(milliseconds=300))))
    col.unlock(key, held.cas)
    col.upsert(key, 1, UpsertOptions(durability=ServerDurability(Durability.MAJORITY)))
    assert [col.binary().increment(key + "-n").content for _ in range(3)] == [0, 1, 2]
    large = {"x": "y" * (2 << 20)}
    col.upsert(key, large)
    assert col.get(key).content_as[dict] == large
    step(where + " lock, durability, counter, 2 MiB")

try:
    connect("not " + password).bucket("default").default_collection().get("k")
    raise SystemExit("a wrong password is accepted")
except AuthenticationException as e:
    assert password not in str(e)
step("wrong password")

col = bucket.default_collection()
col.upsert("python-kept", {"kept": True})
print("restart", flush=True)
sys.stdin.readline()
end = time.time() + 60
while True:
    try:
        assert col.get("python-kept").content_as[dict] == {"kept": True}
        col.upsert("python-kept", {"after": True})
        break
    except CouchbaseException:
        assert time.time() < end
        time.sleep(0.2)
step("after a restart of the node")
cluster.close()
