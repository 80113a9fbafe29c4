// Where local databases are: the files that workerd keeps, and looking into them without starting anything.
import fs from 'node:fs'
import path from 'node:path'
import { at } from './project.mjs'
import { Stop } from './run.mjs'

/** Local state of `npm start` and of every `wrangler ... --local`. */
export const LOCAL = at('.wrangler/state')

/** The SQLite file in which workerd keeps the only D1 database of a persistence folder, once there is one. */
export function databaseFile(persist) {
  const folder = path.join(persist, 'd1/miniflare-D1DatabaseObject')
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name)) : []
  if (files.length > 1) throw new Stop(`${folder} holds more than one database; remove the folder`)
  return files[0] && path.join(folder, files[0])
}

/** The migrations in order, as `{ name, sql }`. */
export function migrations() {
  const folder = at('migrations')
  if (!fs.existsSync(folder)) return []
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.sql')).sort()
  return names.map((name) => ({ name, sql: fs.readFileSync(path.join(folder, name), 'utf8') }))
}

/** One column of a query on the local database; empty when the database or the table is not there. */
export async function lookUp(sql) {
  const { DatabaseSync } = await import('node:sqlite')
  const file = databaseFile(path.join(LOCAL, 'v3'))
  if (!file) return []
  const db = new DatabaseSync(file)
  try {
    return db.prepare(sql).all().map((row) => Object.values(row)[0])
  } catch (error) {
    if (error.message.startsWith('no such table')) return []
    throw error
  } finally {
    db.close()
  }
}
