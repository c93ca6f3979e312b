import { openSqlite } from '../../src/embedded/sqlite.ts'

/** Keeps a prepared statement and nothing else of its database, and collects garbage before each use. */
async function statementAlone(path: string) {
  const database = await openSqlite(path)
  database.exec('CREATE TABLE numbers (n INTEGER)')
  return database.prepare('INSERT INTO numbers VALUES (?)')
}

const insert = await statementAlone(process.argv[2]!)
for (let n = 0; n < 20; n++) {
  globalThis.gc!()
  // The finalizers of native objects run in a later turn.
  await new Promise(resolve => setImmediate(resolve))
  insert.run(n)
}
console.log('20 rows')
