// The desk that is measured. It is made through the API, as people would make it, so that every row is what the Worker
// writes, whatever the schema looks like. Its texts are the same at every run.
import fs from 'node:fs'
import path from 'node:path'
import { Stop } from '../lib/run.mjs'
import { seed } from '../lib/sample.mjs'
import { localVars } from '../lib/vars.mjs'
import { ask } from './load.mjs'
import { serve } from './server.mjs'

export const V1 = '/api/v1'
export const ADMIN = { email: 'admin@helpdesk.com', password: 'admin123' }
export const AGENT = { email: 'agent0@bench.example', password: 'one password for everybody' }
export const CUSTOMER = { email: 'bench0@bench.example', password: 'one password for everybody' }
const CONNECTIONS = 16
const CATEGORIES = ['technical', 'billing', 'general', 'feature_request']
const PRIORITIES = ['low', 'medium', 'medium', 'high', 'urgent']

const EVERYDAY = `account after again attached because before browser button cannot change check computer connect contact crash customer
  device does download email error every failed file first from help how installed invoice keeps laptop letter login message missing network
  never office open order page password payment phone please printer problem report request reset screen service setting shows since slow
  software still support system ticket today update user when window working yesterday`.split(/\s+/)
/** Words that nobody uses otherwise; each stands in about one ticket of a hundred. */
export const RARE = Array.from({ length: 100 }, (_, at) => `q${'bcdfghjklm'[at % 10]}${'aeiou'[Math.floor(at / 20)]}${'nprstvwxyz'[Math.floor(at / 10)]}a`)

/** Makes the folder anew, with a desk of `count` tickets; returns what the scenarios need to know of it. */
export async function makeDesk(persist, count) {
  fs.rmSync(persist, { recursive: true, force: true })
  fs.mkdirSync(persist, { recursive: true })
  const { DEV_SECRET } = localVars(path.join(persist, '.dev.vars'))
  // Its mails are no part of what is measured: with thousands that wait, no minute would be idle.
  const server = await serve(persist, ['MAIL_MODE=off'])
  try {
    await seed(server.url, DEV_SECRET)
    const desk = { tickets: await fill(server.url, count) }
    await dropMails(server.url, DEV_SECRET)
    fs.writeFileSync(path.join(persist, 'desk.json'), JSON.stringify(desk))
    return desk
  } finally {
    await server.stop()
  }
}

/** Lets the clock tick, which drops some hundred mails at a time, until none waits. */
async function dropMails(url, secret) {
  for (let left = 200; left > 0; left -= 1) {
    const { body } = await ask(url, { method: 'POST', path: '/dev/tick', headers: { 'X-Dev-Secret': secret } })
    if (body.chores.find(({ name }) => name === 'outgoing').rows_read < 100) return
  }
  throw new Stop('mails are left that no tick drops')
}

/** The desk that an earlier run left in the folder. */
export function readDesk(persist) {
  const file = path.join(persist, 'desk.json')
  if (!fs.existsSync(file)) throw new Stop('there is no desk to reuse: leave --reuse out')
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

/** A token of one of the accounts. */
export async function signIn(url, account) {
  return (await post(url, '/auth/login', account)).access_token
}

async function fill(url, count) {
  const staff = await signIn(url, ADMIN)
  // The agents of the sample data take twenty tickets each, these take any number.
  for (const [at, category] of CATEGORIES.entries()) {
    await post(url, '/agents', { ...AGENT, email: AGENT.email.replace('0', String(at)), categories: [category], max_open_tickets: 10_000 }, staff)
  }
  const customers = []
  for (let at = 0; at < Math.max(4, Math.ceil(count / 50)); at++) {
    const { access_token } = await post(url, '/auth/register', { ...CUSTOMER, email: CUSTOMER.email.replace('0', String(at)) })
    customers.push(access_token)
  }
  const tickets = new Array(count)
  let next = 0
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (next < count) {
        const at = next++
        tickets[at] = await openTicket(url, at, staff, customers[at % customers.length])
      }
    }),
  )
  return tickets
}

/** One ticket with an answer, a reply and an internal note; of four, one waits, one is resolved and one is in progress. */
async function openTicket(url, at, staff, customer) {
  const roll = chance(at)
  const pick = (list) => list[Math.floor(roll() * list.length)]
  const words = (many) => Array.from({ length: many }, () => (roll() < 0.98 ? pick(EVERYDAY) : pick(RARE))).join(' ')
  const ticket = { title: words(6), description: words(40), priority: pick(PRIORITIES), category: CATEGORIES[at % CATEGORIES.length] }
  const { id, number, assignee } = await post(url, '/tickets', ticket, customer)
  const comments = `/tickets/${id}/comments`
  await post(url, comments, { body: words(25) }, staff)
  await post(url, comments, { body: words(25) }, customer)
  await post(url, comments, { body: words(25), is_internal: true }, staff)
  const path = { 1: ['in_progress'], 2: ['in_progress', 'waiting'], 3: ['in_progress', 'resolved'] }[Math.floor(at / CATEGORIES.length) % 4] ?? []
  for (const status of path) await put(url, `/tickets/${id}/status`, { status }, staff)
  return { id, number, title: ticket.title, assignee: assignee?.id ?? null, status: path.at(-1) ?? 'assigned' }
}

export const post = (url, where, body, token) => send(url, 'POST', where, body, token)
export const put = (url, where, body, token) => send(url, 'PUT', where, body, token)

async function send(url, method, where, body, token) {
  const answer = await ask(url, { method, path: V1 + where, body: JSON.stringify(body) }, token)
  if (answer.status >= 300) throw new Stop(`${method} ${where} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
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
