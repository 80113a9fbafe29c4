// What is measured: requests that are sent in turn, and what the first answer must be. The truth comes from the database
// file itself, read while nothing serves it.
import assert from 'node:assert/strict'
import { AGENT, CUSTOMER, PASSWORD, RARE } from './data.mjs'

const V1 = '/api/v1'
const PAGE = 25
const FILTERED = `status = 'in_progress' AND priority = 3 AND assignee_id`
const AGENTS = [2, 5, 9, 14]
/** Words of about one ticket in a hundred, and words of most tickets. */
const SELDOM = RARE.filter((_, at) => at % 125 === 60)
const OFTEN = ['printer', 'invoice', 'password', 'customer']

export async function scenarios(file) {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(file, { readOnly: true })
  const all = (sql, ...args) => db.prepare(sql).all(...args)
  const newest = (condition, ...args) => all(`SELECT number FROM tickets t WHERE ${condition} ORDER BY id DESC LIMIT ${PAGE}`, ...args).map(({ number }) => number)
  const [{ last, total }] = all('SELECT max(id) AS last, count(*) AS total FROM tickets')
  const ids = Array.from({ length: 256 }, (_, at) => 1 + ((at * 7919) % last))
  const texts = all(`SELECT id, number, title, description FROM tickets WHERE id IN (${ids})`)
  const one = texts.find(({ id }) => id === ids[0])
  const truth = { list: newest('1'), filtered: newest(`${FILTERED} = ?`, AGENTS[0]), seldom: newest(holds(SELDOM[0])), often: newest(holds(OFTEN[0])) }
  db.close()
  return {
    health: { requests: [{ path: `${V1}/health` }], open: true },
    'list 25': { requests: [{ path: `${V1}/tickets` }], roles: true, check: shows(truth.list) },
    'list filtered': {
      requests: AGENTS.map((id) => ({ path: `${V1}/tickets?status=in_progress&priority=high&assigned_to=${id}` })),
      check: shows(truth.filtered),
    },
    'get one': { requests: ids.map((id) => ({ path: `${V1}/tickets/${id}` })), check: ({ number }) => assert.equal(number, one.number) },
    search: { requests: SELDOM.map((word) => ({ path: `${V1}/tickets?q=${word}` })), roles: true, check: shows(truth.seldom) },
    'search common': { requests: OFTEN.map((word) => ({ path: `${V1}/tickets?q=${word}` })), roles: true, check: shows(truth.often) },
    statistics: { requests: [{ path: `${V1}/tickets/stats/summary` }], roles: true, check: (body) => assert.equal(body.total, total) },
    'create ticket': {
      requests: texts.map(({ title, description }) => post('/tickets', { title, description, priority: 'high', category: 'technical' })),
      status: 201,
      check: ({ number }) => assert.match(number, /^TICK-\d{8}-\d{4,}$/),
    },
    'add message': {
      requests: texts.map(({ id, description }) => post(`/tickets/${id}/comments`, { body: description })),
      status: 201,
      check: ({ ticket_id, body }) => assert.deepEqual([ticket_id, body], [texts[0].id, texts[0].description]),
    },
    login: {
      requests: [AGENT, CUSTOMER].map(({ email }) => post('/auth/login', { email, password: PASSWORD })),
      open: true,
      connections: 4,
      check: ({ access_token }) => assert.ok(access_token),
    },
  }
}

const post = (path, body) => ({ method: 'POST', path: V1 + path, body: JSON.stringify(body) })

/** A ticket `t` in which the word stands: no other word of the desk begins as it does. */
function holds(word) {
  return `(instr(title || ' ' || description, '${word}') OR EXISTS (SELECT 1 FROM messages WHERE ticket_id = t.id AND instr(body, '${word}')))`
}

/** A page may be short when it would have to look at too many tickets; what it shows is right all the same. */
function shows(numbers) {
  return ({ data, meta }) => {
    assert.ok(data.length > 0, 'the page is empty')
    assert.ok(data.length === numbers.length || meta.has_more, `${data.length} rows, and no more to come`)
    assert.deepEqual(data.map(({ number }) => number), numbers.slice(0, data.length))
  }
}
