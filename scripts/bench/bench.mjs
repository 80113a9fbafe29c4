#!/usr/bin/env node
// npm run bench [-- --tickets 10000] [--seconds 4] [--only "list 25,get one"] [--reuse] [--json FILE]
//   --tickets  size of the desk: 10000, 100000, 1000000 (the last takes some minutes and 5 GB)
//   --seconds  how long each scenario is measured, after half of that to warm up
//   --only     scenarios by name: health, list 25, list filtered, get one, search, search common, statistics,
//              create ticket, add message, login
//   --reuse    measure the desk of the last run instead of making a new one
//   --json     write all figures to a file
// The Worker is served on workerd directly, next to wrk on the same machine: requests per second move with whatever else
// runs there, CPU per request less, and round trips, rows and bytes not at all.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { underPinnedNode } from '../lib/node.mjs'
import { at } from '../lib/project.mjs'
import { Stop, main, say, step } from '../lib/run.mjs'
import { databaseFile } from '../lib/storage.mjs'
import { buildWorker } from '../lib/worker.mjs'
import { ADMIN, AGENT, CUSTOMER, PASSWORD } from './data.mjs'
import { ask, load, needWrk } from './load.mjs'
import { scenarios } from './scenarios.mjs'
import { seed } from './seed.mjs'
import { serve, startUp } from './server.mjs'
import { table } from './table.mjs'

const CONNECTIONS = 16

await main(async (args) => {
  const options = read(args)
  await underPinnedNode()
  needWrk()
  await buildWorker()
  const persist = at('.wrangler/bench', String(options.tickets))
  if (!options.reuse) await step('desk', () => seed(persist, options.tickets))
  const file = databaseFile(persist)
  if (!file) throw new Stop('there is no desk to reuse: leave --reuse out')
  const all = await scenarios(file)
  const wanted = options.only ?? Object.keys(all)
  const unknown = wanted.filter((name) => !all[name])
  if (unknown.length > 0) throw new Stop(`--only knows ${Object.keys(all).join(', ')}; not ${unknown.join(', ')}`)

  const started = options.only ? undefined : await step('start-up', () => startUp(persist))
  const busy = os.loadavg()[0]
  const server = await serve(persist)
  const results = []
  try {
    await fetch(server.control) // the sweep that runs every minute in production
    const tokens = await signIn(server.url)
    for (const name of wanted) results.push(await step(name, () => measure(server, name, all[name], tokens, options.seconds)))
  } finally {
    await server.stop()
  }
  const report = { at: new Date().toISOString(), tickets: options.tickets, seconds: options.seconds, busy, size: size(), started, results }
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  console.log(text(report))
  if (results.some(({ refused, broken }) => refused + broken > 0)) throw new Stop('not every answer was a good one')
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: {
      tickets: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string' },
      reuse: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const whole = (name, least, most) => {
    const number = Number(values[name])
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new Stop(`--${name} wants a whole number from ${least} to ${most}`)
  }
  return {
    tickets: whole('tickets', 1000, 10_000_000),
    seconds: whole('seconds', 1, 600),
    only: values.only?.split(',').map((name) => name.trim()),
    reuse: values.reuse,
    json: values.json && path.resolve(values.json),
  }
}

/** Tokens of the three kinds of people. */
async function signIn(url) {
  const tokens = {}
  for (const [role, { email }] of Object.entries({ admin: ADMIN, agent: AGENT, customer: CUSTOMER })) {
    const { status, body } = await ask(url, { method: 'POST', path: '/api/v1/auth/login', body: JSON.stringify({ email, password: PASSWORD }) })
    if (status !== 200) throw new Stop(`login as ${email} answered ${status}: ${JSON.stringify(body)}`)
    tokens[role] = body.access_token
  }
  return tokens
}

async function measure(server, name, scenario, tokens, seconds) {
  const { requests, open, roles, connections = CONNECTIONS } = scenario
  const token = open ? undefined : tokens.admin
  const first = await ask(server.url, requests[0], token)
  check(name, scenario, first)
  const costs = { admin: first.cost }
  for (const role of roles ? ['agent', 'customer'] : []) costs[role] = (await ask(server.url, requests[0], tokens[role])).cost
  await load(server, requests, { token, connections, seconds: Math.ceil(seconds / 2) })
  const loaded = await load(server, requests, { token, connections, seconds })
  return { name, ...loaded, bytes: first.bytes, costs }
}

function check(name, { status = 200, check = () => {} }, answer) {
  try {
    assert.equal(answer.status, status)
    check(answer.body)
  } catch (error) {
    throw new Stop(`the first answer of "${name}" is wrong: ${error.message}\n${JSON.stringify(answer.body).slice(0, 600)}`)
  }
}

/** Bytes of what is deployed. */
function size() {
  const files = ['build/index.js', 'build/index_bg.wasm'].map((file) => fs.readFileSync(at(file)))
  const sum = (numbers) => numbers.reduce((all, number) => all + number, 0)
  return { bytes: sum(files.map((file) => file.length)), gzip: sum(files.map((file) => gzipSync(file, { level: 9 }).length)) }
}

function text({ tickets, seconds, busy, size: { bytes, gzip }, started, results }) {
  const number = (value, digits = 0) => (Number.isFinite(value) ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) : '-')
  const main = results.map(({ name, perSecond, p50, p99, cpu: used, costs: { admin }, bytes: body }) => [
    name, number(perSecond), number(p50, 1), number(p99, 1), number(used, 3), number(admin.trips), number(admin.read), number(admin.written), number(body),
  ])
  const others = results.flatMap(({ name, costs }) => Object.entries(costs).slice(1).map(([role, cost]) => [name, role, number(cost.trips), number(cost.read)]))
  const parts = [
    `${number(tickets)} tickets; ${CONNECTIONS} connections (login 4) for ${seconds} s; load average before: ${busy.toFixed(2)}`,
    table(['scenario', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms', 'trips', 'read', 'written', 'bytes'], main),
  ]
  if (others.length > 0) parts.push(table(['scenario', 'asked by', 'trips', 'read'], others))
  parts.push(`Worker: ${number(gzip / 1000)} kB gzip (${number(bytes / 1000)} kB)`)
  if (started) {
    parts.push(`Start-up: ${number(started.up)} ms from the birth of workerd to the first 200; then a first request of ${number(started.first, 1)} ms, the second ${number(started.second, 1)} ms`)
  }
  return `\n${parts.join('\n\n')}`
}
