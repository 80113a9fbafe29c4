// Writes the desk into the SQLite file of a local D1 while nothing serves it.
//
// A million tickets through the schema's triggers would take an hour, so the triggers are taken away for the load, their
// work is done for all rows at once, and they are put back. Every load first compares the two ways on a few hundred
// tickets: each table and each word of the full-text index must be equal.
import fs from 'node:fs'
import { migrations } from '../lib/storage.mjs'
import { Stop } from '../lib/run.mjs'
import { ADMIN, PASSWORD, agentCategories, people, sessions, tickets } from './data.mjs'
import { serve } from './server.mjs'

const SAMPLE = 300
const PRIORITIES = ['low', 'medium', 'high', 'urgent']

/** Makes the folder anew, with a desk of `count` tickets. */
export async function seed(persist, count) {
  const { DatabaseSync } = await import('node:sqlite')
  compare(DatabaseSync)
  fs.rmSync(persist, { recursive: true, force: true })
  const file = await begin(persist)
  const db = new DatabaseSync(file)
  // Nobody else reads the file now, and when this fails, the folder is made anew.
  db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -500000')
  const [{ password_hash }] = db.prepare('SELECT password_hash FROM users WHERE id = 1').all()
  db.exec(`BEGIN; UPDATE users SET role = 'admin', ver = 2 WHERE id = 1; INSERT INTO agent_profiles (user_id) VALUES (1)`)
  fill(db, count, Date.now(), password_hash)
  db.exec('COMMIT; PRAGMA optimize(0x10002)') // statistics for every table, as D1's own PRAGMA optimize keeps them
  db.exec('PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  return `${count} tickets, ${(fs.statSync(file).size / 1e6).toFixed(0)} MB`
}

/** The schema and one account: only the Worker can hash its password. Returns the database's file. */
async function begin(persist) {
  const server = await serve(persist)
  const { id, ...account } = ADMIN
  const response = await fetch(`${server.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...account, password: PASSWORD }),
  })
  const text = await response.text()
  await server.stop()
  if (response.status !== 201 || JSON.parse(text).user?.id !== id) {
    throw new Stop(`the first registration answered ${response.status}: ${text.slice(0, 300)}`)
  }
  return server.d1
}

/** Everything but the administrator, without the triggers. */
function fill(db, count, now, passwordHash) {
  const triggers = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
  fillPeople(db, count, now, passwordHash)
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`)
  const cards = new Map(db.prepare('SELECT id, card, email FROM users').all().map((row) => [row.id, row]))
  const slugs = new Map(db.prepare('SELECT id, slug FROM categories').all().map(({ id, slug }) => [id, slug]))
  const insert = inserter(db)
  const sums = new Map()
  const loads = new Map()
  for (const { ticket, messages, events } of tickets(count, now)) {
    const row = { ...ticket, ...shown(ticket, cards, slugs), ...counted(ticket, messages, events) }
    insert('tickets', row)
    for (const message of messages) insert('messages', message)
    for (const event of events) insert('events', event)
    for (const tag of JSON.parse(ticket.tags)) insert('ticket_tags', { tag, ticket_id: ticket.id })
    insert('ticket_search', searched(ticket, messages))
    for (const scope of scopes(ticket)) add(sums, scope, ticket)
    if (ticket.assignee_id) work(loads, ticket)
  }
  const setLoad = db.prepare('UPDATE agent_profiles SET open_load = ?, last_assigned_at = ? WHERE user_id = ?')
  for (const [id, { open, last }] of loads) setLoad.run(open, last, id)
  for (const [scope, sum] of sums) insert('ticket_counts', { scope, ...sum })
  number(db)
  for (const { sql } of triggers) db.exec(sql)
}

/** What a ticket adds to the work of whoever has it. */
function work(loads, { assignee_id, status, updated_at }) {
  const load = loads.get(assignee_id) ?? { open: 0, last: 0 }
  const open = load.open + (status === 'resolved' || status === 'closed' ? 0 : 1)
  loads.set(assignee_id, { open, last: Math.max(load.last, updated_at) })
}

/** The same by inserting what the Worker inserts: the triggers do the rest. */
function fillByTriggers(db, count, now, passwordHash) {
  fillPeople(db, count, now, passwordHash)
  const insert = inserter(db)
  for (const { ticket, messages, events } of tickets(count, now)) {
    insert('tickets', ticket)
    insert('events', events[0])
    for (const [at, message] of messages.entries()) {
      insert('messages', message)
      insert('events', events[at + 1])
    }
  }
  number(db)
}

/** Accounts, their sessions and the agents' categories. */
function fillPeople(db, count, now, passwordHash) {
  const insert = inserter(db)
  const everybody = people(count, now, passwordHash)
  for (const person of everybody) insert('users', person)
  for (const { id, role } of everybody) if (role !== 'customer') insert('agent_profiles', { user_id: id })
  for (const session of sessions(everybody)) insert('sessions', session)
  for (const row of agentCategories()) insert('agent_categories', row)
}

/** The names that a ticket's row keeps. */
function shown(ticket, cards, slugs) {
  const requester = cards.get(ticket.requester_id)
  return {
    requester_card: requester.card, requester_email: requester.email,
    assignee_card: cards.get(ticket.assignee_id)?.card ?? 'null', category: slugs.get(ticket.category_id),
  }
}

/** What messages and events leave in a ticket's row. */
function counted(ticket, messages, events) {
  const open = messages.filter((message) => !message.is_internal)
  const latest = (list, least) => Math.max(least, ...list.map((message) => message.created_at))
  return {
    message_count: messages.length, public_message_count: open.length,
    updated_at: latest(messages, ticket.updated_at), public_updated_at: latest(open, ticket.public_updated_at),
    seq: events.length, public_seq: Math.max(...events.map((event) => event.public_seq)),
  }
}

/** A ticket's full-text document. */
function searched(ticket, messages) {
  const text = (internal) => messages.filter((message) => message.is_internal === internal).map((message) => message.body).join(' ')
  return {
    rowid: ticket.id * 2 ** 20, title: `${ticket.number}  ${ticket.title}`, public: `${ticket.description} ${text(0)}`,
    internal: text(1), scope: `u${ticket.requester_id}`,
  }
}

function scopes({ category_id, requester_id, assignee_id }) {
  const assignee = `assignee:${assignee_id ?? 0}`
  return ['desk', `category:${category_id}`, `requester:${requester_id}`, assignee, `${assignee}:category:${category_id}`]
}

function add(sums, scope, { status, priority, assignee_id, resolved_at, is_overdue }) {
  const zero = {
    total: 0, open: 0, assigned: 0, in_progress: 0, waiting: 0, blocked: 0, resolved: 0, closed: 0, reopened: 0,
    low: 0, medium: 0, high: 0, urgent: 0, unassigned: 0, overdue: 0,
  }
  if (!sums.has(scope)) sums.set(scope, zero)
  const sum = sums.get(scope)
  sum.total += 1
  sum[status] += 1
  sum[PRIORITIES[priority - 1]] += 1
  sum.unassigned += assignee_id === null && resolved_at === null ? 1 : 0
  sum.overdue += is_overdue
}

/** The daily counters go on where the numbers end. */
function number(db) {
  db.exec(`INSERT INTO ticket_numbers (day, last)
    SELECT substr(number, 6, 8), max(CAST(substr(number, 15) AS INTEGER)) FROM tickets GROUP BY 1`)
}

/** Inserts rows by their keys; each table's statement is prepared at its first row. */
function inserter(db) {
  const statements = new Map()
  return (table, row) => {
    if (!statements.has(table)) {
      const columns = Object.keys(row)
      statements.set(table, db.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`))
    }
    statements.get(table).run(...Object.values(row))
  }
}

/** Throws unless both ways of filling a database give the same. */
function compare(DatabaseSync) {
  const [loaded, worked] = [fill, fillByTriggers].map((way) => {
    const db = new DatabaseSync(':memory:')
    for (const { sql } of migrations()) db.exec(sql)
    inserter(db)('users', { ...ADMIN, uid: 'admin', email_key: ADMIN.email, username_key: ADMIN.username, role: 'admin', created_at: 1, updated_at: 1 })
    way(db, SAMPLE, Date.UTC(2026, 0, 1), 'hash')
    return contents(db)
  })
  const different = [...worked.keys()].filter((name) => loaded.get(name) !== worked.get(name))
  if (different.length > 0) throw new Stop(`the load differs from what the triggers give in ${different.join(', ')}: look at scripts/bench/seed.mjs`)
}

/** Every table's rows and every word of the full-text index, by name. */
function contents(db) {
  db.exec('CREATE VIRTUAL TABLE temp.search_words USING fts5vocab(main, ticket_search, instance)')
  const names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'ticket_search%'").all()
  const rows = (name) => JSON.stringify(db.prepare(`SELECT * FROM ${name}`).all().map((row) => JSON.stringify(row)).sort())
  return new Map([...names.map(({ name }) => name), 'search_words'].map((name) => [name, rows(name)]))
}
