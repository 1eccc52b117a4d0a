// A client of the embedded node: node client.js ADDRESS PASSWORD. Says what works, step by step; any failure ends it with 1.
const assert = require('assert')
const readline = require('readline')
const couchbase = require('couchbase')

const [address, password] = process.argv.slice(2)
const connect = (secret) => couchbase.connect(address, { username: 'Administrator', password: secret, timeouts: { connectTimeout: 20000, kvTimeout: 10000 } })
const refused = (kind, promise) => assert.rejects(promise, (e) => (Array.isArray(kind) ? kind : [kind]).some((k) => e instanceof k))
const step = (name) => console.log('ok', name)
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const { MutateInSpec, LookupInSpec } = couchbase

async function walk(where, col) {
  const key = 'node-' + where
  await refused(couchbase.DocumentNotFoundError, col.get(key))
  await col.upsert(key, { n: 1, text: 'ä' })
  assert.deepStrictEqual((await col.get(key)).content, { n: 1, text: 'ä' })
  assert.ok((await col.exists(key)).exists && !(await col.exists(key + '-not')).exists)
  step(where + ' upsert, get')

  const { cas: old } = await col.get(key)
  const { cas } = await col.replace(key, { n: 2 }, { cas: old })
  await refused(couchbase.CasMismatchError, col.replace(key, { n: 3 }, { cas: old }))
  await refused(couchbase.DocumentExistsError, col.insert(key, { n: 4 }))
  assert.deepStrictEqual((await col.get(key)).content, { n: 2 })
  step(where + ' replace with CAS')

  await refused(couchbase.CasMismatchError, col.remove(key, { cas: old }))
  await col.remove(key, { cas })
  await refused(couchbase.DocumentNotFoundError, col.get(key))
  await refused(couchbase.DocumentNotFoundError, col.remove(key))
  step(where + ' remove')

  await col.upsert(key, { n: 1 }, { expiry: 90000 })
  const left = (await col.get(key, { withExpiry: true })).expiryTime - Date.now() / 1000
  assert.ok(left > 89900 && left < 90100, String(left))
  await col.touch(key, 1)
  for (const end = Date.now() + 60000; (await col.exists(key)).exists; await sleep(200)) assert.ok(Date.now() < end)
  step(where + ' expiry')

  const fence = { g: 1, o: 4711 }
  const made = await col.mutateIn(key, [MutateInSpec.upsert('_c360', fence, { xattr: true, createPath: true }), MutateInSpec.replace('', { a: [1, 2] })],
    { storeSemantics: couchbase.StoreSemantics.Insert })
  const looked = await col.lookupIn(key, [LookupInSpec.get('_c360', { xattr: true }), LookupInSpec.get('a[1]'), LookupInSpec.exists('b'),
    LookupInSpec.get('$document.exptime', { xattr: true }), LookupInSpec.count('a')])
  assert.deepStrictEqual(looked.content.map((c) => c.value), [fence, 2, false, 0, 2])
  assert.strictEqual(String(looked.cas), String(made.cas))
  await col.mutateIn(key, [MutateInSpec.arrayAppend('a', 3), MutateInSpec.increment('c', 5, { createPath: true })], { cas: made.cas })
  await refused(couchbase.CasMismatchError, col.mutateIn(key, [MutateInSpec.upsert('a', 0)], { cas: made.cas }))
  await col.upsert(key, { plain: true }) // keeps the system xattr
  assert.deepStrictEqual((await col.lookupIn(key, [LookupInSpec.get('_c360', { xattr: true })])).content[0].value, fence)
  step(where + ' sub-document with xattrs')

  const held = await col.getAndLock(key, 15)
  await refused([couchbase.DocumentLockedError, couchbase.TimeoutError], col.upsert(key, 1, { timeout: 300 }))
  await col.unlock(key, held.cas)
  await col.upsert(key, 1, { durabilityLevel: couchbase.DurabilityLevel.Majority })
  assert.strictEqual((await col.binary().increment(key + '-n', 1, { initial: 1 })).value, 1)
  assert.strictEqual((await col.binary().increment(key + '-n', 1)).value, 2)
  const large = { x: 'y'.repeat(2 << 20) }
  await col.upsert(key, large)
  assert.deepStrictEqual((await col.get(key)).content, large)
  step(where + ' lock, durability, counter, 2 MiB')
}

async function main() {
  const cluster = await connect(password)
  const bucket = cluster.bucket('default')
  await walk('default', bucket.defaultCollection())
  await walk('named', bucket.scope('app').collection('docs'))

  await assert.rejects(
    (async () => (await connect('not ' + password)).bucket('default').defaultCollection().get('k'))(),
    (e) => e instanceof couchbase.AuthenticationFailureError && !String(e.stack).includes(password))
  step('wrong password')

  const col = bucket.defaultCollection()
  await col.upsert('node-kept', { kept: true })
  console.log('restart')
  await new Promise((done) => readline.createInterface({ input: process.stdin }).once('line', done))
  for (const end = Date.now() + 60000; ; await sleep(200)) {
    try {
      assert.deepStrictEqual((await col.get('node-kept')).content, { kept: true })
      await col.upsert('node-kept', { after: true })
      break
    } catch (e) {
      if (!(e instanceof couchbase.CouchbaseError) || Date.now() > end) throw e
    }
  }
  step('after a restart of the node')
  await cluster.close()
}

main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1) })
