// What measured requests cost at Cloudflare's list prices. docs/cost.md explains the model.

/** US dollars for a million of each. */
export const PRICES = { requests: 0.3, cpu: 0.02, read: 0.001, written: 1, kvReads: 0.5, kvWrites: 5, queue: 0.4, objects: 0.15 }

/** What a month of the paid plan includes, and the price of the plan. */
export const PLAN = { dollars: 5, requests: 10e6, cpu: 30e6, read: 25e9, written: 50e6, kvReads: 10e6, queue: 1e6, objects: 1e6 }

/** The share of each scenario in an ordinary million requests. */
export const MIX = {
  'list 25': 0.3, 'get one': 0.3, 'read messages': 0.1, search: 0.05, statistics: 0.05,
  'add message, two told': 0.12, 'create ticket, nobody told': 0.04, 'change status, two told': 0.04,
}

/** Each message, ticket and status change wakes the sockets of two people and of the ticket's room, and queues two mails. */
const WAKES = 3
const MAILS = 2
const QUEUE_OPERATIONS = 3

/** A desk of 10 agents: what happens in a month. */
export const DESK = { tickets: 3_000, messages: 20_000, statusChanges: 9_000, reads: 1_000_000, minutes: 43_200 }

/**
 * What things of which `shares` says how often they happen take: requests, rows, CPU milliseconds, KV reads, operations of
 * the queue and requests to Durable Objects. `results` are measured; CPU is that of workerd with its database.
 */
export function usage(shares, results) {
  const total = { requests: 0, cpu: 0, read: 0, written: 0, kvReads: 0, queue: 0, objects: 0 }
  for (const [name, times] of Object.entries(shares)) {
    const { costs, cpu } = results.find((result) => result.name === name)
    const told = name.includes('two told') || name.includes('assigned')
    const writes = costs.admin.written > 0
    total.requests += times
    total.kvReads += times // is the token revoked?
    total.cpu += times * (Number.isFinite(cpu) ? cpu : 0)
    total.read += times * costs.admin.read
    total.written += times * costs.admin.written
    total.queue += told ? times * MAILS * QUEUE_OPERATIONS : 0
    total.objects += writes ? times * WAKES : 0
  }
  return total
}

/** Dollars by kind for a usage. */
export function price(used) {
  return Object.fromEntries(Object.entries(used).map(([kind, amount]) => [kind, (amount / 1e6) * PRICES[kind]]))
}

/** An ordinary million requests. */
export const million = (results) => usage(Object.fromEntries(Object.entries(MIX).map(([name, share]) => [name, share * 1e6])), results)

/** A month of the desk; `idle` is what a minute of the clock costs. */
export function month(results, idle) {
  const reads = ['list 25', 'get one', 'read messages', 'search', 'statistics']
  const all = reads.reduce((sum, name) => sum + MIX[name], 0)
  const shares = Object.fromEntries(reads.map((name) => [name, (MIX[name] / all) * DESK.reads]))
  const used = usage({
    ...shares,
    'create ticket, assigned': DESK.tickets,
    'add message, two told': DESK.messages,
    'change status, two told': DESK.statusChanges,
  }, results)
  used.requests += DESK.minutes
  used.read += DESK.minutes * idle.read
  used.written += DESK.minutes * idle.written
  return used
}

/** What a month costs: the plan, and what goes beyond what it includes. */
export function bill(used) {
  const beyond = Object.entries(used).map(([kind, amount]) => (Math.max(0, amount - PLAN[kind]) / 1e6) * PRICES[kind])
  return PLAN.dollars + beyond.reduce((sum, dollars) => sum + dollars, 0)
}
