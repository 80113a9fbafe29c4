// The migrations and schema.sql say the same.
import fs from 'node:fs'
import { at } from './project.mjs'
import { Stop } from './run.mjs'
import { migrations } from './storage.mjs'

/** Throws where the two differ; otherwise says what was compared. */
export async function checkSchema() {
  const { DatabaseSync } = await import('node:sqlite')
  const contents = (files) => {
    const db = new DatabaseSync(':memory:')
    for (const { name, sql } of files) {
      try {
        db.exec(sql)
      } catch (error) {
        throw new Stop(`${name}: ${error.message}`)
      }
    }
    return read(db)
  }
  const files = migrations()
  const migrated = contents(files)
  const written = contents([{ name: 'schema.sql', sql: fs.readFileSync(at('schema.sql'), 'utf8') }])
  const names = [...new Set([...migrated.keys(), ...written.keys()])]
  const different = names.filter((name) => migrated.get(name) !== written.get(name))
  if (different.length > 0) {
    const shown = different.map((name) => `${name}\n  migrations: ${migrated.get(name) ?? 'missing'}\n  schema.sql: ${written.get(name) ?? 'missing'}`)
    throw new Stop(`the migrations do not give schema.sql:\n${shown.join('\n')}`)
  }
  return `${files.length} migration(s) give schema.sql: ${names.length} objects and tables' rows are equal`
}

/** Every object's SQL and every table's rows, by name; white space and comments do not count, the order of columns does. */
function read(db) {
  const objects = db.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY name').all()
  const tables = objects.filter(({ type }) => type === 'table')
  return new Map([
    ...objects.map(({ type, name, sql }) => [`${type} ${name}`, normal(sql ?? '')]),
    ...tables.map(({ name }) => [`rows of ${name}`, JSON.stringify(db.prepare(`SELECT * FROM "${name}"`).all())]),
  ])
}

/** SQL as its tokens: comments and white space are gone, text in quotes stays as it is. */
function normal(sql) {
  const tokens = sql.match(/'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|\w+|[^\s\w]/g) ?? []
  return tokens.filter((token) => !/^(--|\/\*)/.test(token)).join(' ')
}
