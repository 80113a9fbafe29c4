// The numbered files of migrations/, and bringing a local database up to date with them the way wrangler does.
import fs from 'node:fs'
import { unstable_splitSqlQuery as statementsOf } from 'wrangler'
import { at } from './project.mjs'

/** The migrations in order, as `{ name, sql }`. */
export function migrations() {
  const folder = at('migrations')
  if (!fs.existsSync(folder)) return []
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.sql')).sort()
  return names.map((name) => ({ name, sql: fs.readFileSync(`${folder}/${name}`, 'utf8') }))
}

/** Applies what is missing through a D1 binding, each file in one transaction, and notes it in wrangler's own table. */
export async function migrate(db) {
  await db
    .prepare(
      'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
    )
    .run()
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all()
  const applied = new Set(results.map(({ name }) => name))
  for (const { name, sql } of migrations().filter(({ name }) => !applied.has(name))) {
    const noted = db.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name)
    await db.batch([...statementsOf(sql).map((statement) => db.prepare(statement)), noted])
  }
}
