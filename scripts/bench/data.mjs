// The desk that is measured: the same people and tickets at every run, told from the moment `now`.
const HOUR = 3_600_000
const DAY = 24 * HOUR
const SPAN = 90 * DAY
const AGENTS = 20

export const PASSWORD = 'one password for everybody'
export const ADMIN = { id: 1, email: 'admin@bench.example', username: 'admin', first_name: 'Ada', last_name: 'Admin' }
export const AGENT = { id: 2, email: 'user2@bench.example' }
export const CUSTOMER = { id: AGENTS + 2, email: `user${AGENTS + 2}@bench.example` }
/** The categories that come with the schema, by id. */
const CATEGORIES = ['technical', 'billing', 'general', 'feature_request']

const STATUSES = [['open', 0.15], ['assigned', 0.1], ['in_progress', 0.2], ['waiting', 0.1], ['resolved', 0.2], ['closed', 0.2], ['reopened', 0.05]]
/** Rank, share, and the hours that are promised for the first response and for the resolution. */
const PRIORITIES = [
  { rank: 1, share: 0.2, response: 24, resolution: 240 },
  { rank: 2, share: 0.45, response: 8, resolution: 120 },
  { rank: 3, share: 0.25, response: 4, resolution: 48 },
  { rank: 4, share: 0.1, response: 2, resolution: 24 },
]
const TAGS = ['["hardware"]', '["vip"]', '["hardware","vpn"]', '["refund"]']

const EVERYDAY = `account after again attached because before browser button cannot change check computer connect contact crash customer
  device does download email error every failed file first from help how installed invoice keeps laptop letter login message missing network
  never office open order page password payment phone please printer problem report request reset screen service setting shows since slow
  software still support system ticket today update user when window working yesterday`.split(/\s+/)
const SYLLABLES = 'bal cor den fir gol hux jan kel lum mir nop pel qui rov sun tav vex wil yon zar'.split(' ')
/** 2,000 words that nobody uses otherwise; each stands in about one ticket of a hundred. */
export const RARE = SYLLABLES.flatMap((a) => SYLLABLES.flatMap((b) => SYLLABLES.slice(0, 5).map((c) => a + b + c)))

/** Everybody but the administrator, as rows of `users`; agents come first. Customers have about fifty tickets each. */
export function people(tickets, now, passwordHash) {
  const count = AGENTS + Math.max(200, Math.ceil(tickets / 50))
  const born = now - 400 * DAY
  return Array.from({ length: count }, (_, at) => {
    const id = at + 2
    const [email, username] = [`user${id}@bench.example`, `user${id}`]
    return {
      id, uid: uid(born + id, 1, id), email, email_key: email, username, username_key: username,
      first_name: RARE[id % RARE.length], last_name: id % 7 === 0 ? '' : RARE[(id * 31) % RARE.length],
      role: at < AGENTS ? 'agent' : 'customer', password_hash: passwordHash, created_at: born + id, updated_at: born + id,
    }
  })
}

/** Everybody has signed in once, long ago. */
export function sessions(people) {
  return people.map(({ id, created_at }) => ({
    user_id: id, id: created_at, uid: uid(created_at, 4, id), refresh_jti: `bench-${id}`, created_at, last_used_at: created_at, expires_at: created_at + 30 * DAY,
  }))
}

/** Which agent works in which categories: one each, every other agent in two. */
export function agentCategories() {
  return Array.from({ length: AGENTS }, (_, at) => at).flatMap((at) => {
    const first = { user_id: at + 2, category_id: (at % CATEGORIES.length) + 1 }
    const second = { user_id: at + 2, category_id: ((at + 1) % CATEGORIES.length) + 1 }
    return at % 8 < 4 ? [first] : [first, second]
  })
}

/**
 * Tickets from the oldest to the newest, each `{ ticket, messages, events }`: rows with the columns that the Worker writes
 * itself. What the schema's triggers add to them is not here.
 */
export function* tickets(count, now) {
  const roll = chance(20)
  const below = (most) => Math.floor(roll() * most)
  const words = (many) => Array.from({ length: many }, () => (roll() < 0.85 ? EVERYDAY[below(EVERYDAY.length)] : RARE[below(RARE.length)])).join(' ')
  const customers = Math.max(200, Math.ceil(count / 50))
  const staff = CATEGORIES.map((_, at) => agentCategories().filter(({ category_id }) => category_id === at + 1).map(({ user_id }) => user_id))
  const numbers = new Map()

  for (let id = 1; id <= count; id++) {
    const created_at = now - SPAN + Math.floor((SPAN * id) / count)
    const age = now - created_at
    const day = new Date(created_at).toISOString().slice(0, 10).replaceAll('-', '')
    numbers.set(day, (numbers.get(day) ?? 0) + 1)
    const status = share(STATUSES, ([, part]) => part, roll)[0]
    const priority = share(PRIORITIES, (one) => one.share, roll)
    const category_id = 1 + below(CATEGORIES.length)
    const requester_id = CUSTOMER.id + below(customers)
    const agent = staff[category_id - 1][below(staff[category_id - 1].length)]
    const [response, resolution] = [priority.response * HOUR, priority.resolution * HOUR]
    // One of five is late. Nothing lies in the future, so the newest tickets go through their lives in no time.
    const done = created_at + Math.min(Math.floor(roll() * 1.25 * resolution), age)
    const isDone = status === 'resolved' || status === 'closed'
    const said = Array.from({ length: 3 }, (_, at) => created_at + Math.min(Math.floor((at + 1) * 0.25 * response), age))
    const touched = isDone ? done : created_at
    const paused_at = status === 'waiting' ? said[1] : null
    const due = created_at + resolution
    const ticket = {
      id, uid: uid(created_at, 2, id), number: `TICK-${day}-${String(numbers.get(day)).padStart(4, '0')}`,
      title: words(6), title_index: null, description: words(40), description_index: null,
      status, priority: priority.rank, workflow: 'support', category_id, department: null,
      tags: roll() < 0.25 ? TAGS[below(TAGS.length)] : '[]',
      requester_id, assignee_id: status === 'open' ? null : agent, contact_email: null, channel: 'api',
      created_at, updated_at: touched, public_updated_at: touched,
      first_response_due_at: created_at + response, first_response_risk_at: created_at + response - response / 5,
      first_responded_at: said[1],
      resolution_due_at: due, resolution_risk_at: due - resolution / 5,
      resolved_at: isDone ? done : null, closed_at: status === 'closed' ? done : null, paused_at,
      is_overdue: !isDone && (paused_at ?? now) > due ? 1 : 0,
    }
    const messages = said.map((at, position) => ({
      id: (id - 1) * 3 + position + 1, uid: uid(at, 3, (id - 1) * 3 + position), ticket_id: id, position,
      author_id: position === 0 ? requester_id : agent, body: words(25), body_index: null,
      is_internal: position === 2 ? 1 : 0, channel: 'api', created_at: at,
    }))
    const event = (type, seq, public_seq, actor_id, message_id, at) => ({
      ticket_id: id, seq, public_seq, type, actor_id, message_id, changes: '[]', data: '{}', cause: null, created_at: at,
    })
    const events = [
      event('ticket_created', 1, 1, requester_id, null, created_at),
      ...messages.map((one) => event('message_added', one.position + 2, one.is_internal ? null : one.position + 2, one.author_id, one.id, one.created_at)),
    ]
    yield { ticket, messages, events }
  }
}

/** A UUIDv7 of a moment; `kind` and `nth` make it unique in place of chance. */
function uid(millis, kind, nth) {
  const time = millis.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-700${kind}-8000-${nth.toString(16).padStart(12, '0')}`
}

function share(list, part, roll) {
  let left = roll()
  return list.find((one) => (left -= part(one)) < 0) ?? list.at(-1)
}

/** Numbers from 0 up to 1 that look like chance and are the same at every run (the generator SplitMix32). */
function chance(seed) {
  return () => {
    seed = (seed + 0x9e3779b9) | 0
    let mixed = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
