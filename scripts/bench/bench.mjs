#!/usr/bin/env node
// npm run bench [-- --quick] [--tickets 1000] [--seconds 4] [--only "list 25,get one"] [--reuse] [--docs] [--json FILE]
//   --quick    a small desk and short loads: whether everything works and what it costs, not how fast it is
//   --tickets  size of the desk; it is made through the API, 1,000 tickets in about a minute
//   --seconds  how long each scenario is measured, after half of that to warm up
//   --only     scenarios by name; what a million requests and a month cost is then left out
//   --reuse    measure the desk of the last run instead of making a new one
//   --docs     put the counts and the costs into docs/cost.md
//   --json     write all figures to a file
// Requests per second move with whatever else runs on the machine, CPU per request less, and round trips, rows and bytes
// not at all.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { underPinnedNode } from '../lib/node.mjs'
import { at } from '../lib/project.mjs'
import { Stop, main, step } from '../lib/run.mjs'
import { builtSize } from '../lib/size.mjs'
import { localVars } from '../lib/vars.mjs'
import { buildWorker } from '../lib/worker.mjs'
import { MIX } from './cost.mjs'
import { ADMIN, AGENT, CUSTOMER, makeDesk, readDesk, signIn } from './desk.mjs'
import { ask, load } from './load.mjs'
import { counts, money, refreshDocs, speed } from './report.mjs'
import { scenarios } from './scenarios.mjs'
import { serve, startUp } from './server.mjs'

const CONNECTIONS = 16

await main(async (args) => {
  const options = read(args)
  await underPinnedNode()
  await buildWorker()
  const persist = at('.wrangler/bench', String(options.tickets))
  const desk = options.reuse ? readDesk(persist) : await step(`desk of ${options.tickets} tickets`, () => makeDesk(persist, options.tickets))
  const started = options.only || options.quick ? undefined : await step('start-up', () => startUp(persist))
  const busy = os.loadavg()[0]
  const server = await serve(persist)
  const results = []
  let idle
  try {
    const tokens = { admin: await signIn(server.url, ADMIN), agent: await signIn(server.url, AGENT), customer: await signIn(server.url, CUSTOMER) }
    idle = await idleMinute(server, persist)
    const all = await scenarios(desk, server.url, tokens)
    const wanted = options.only ?? Object.keys(all)
    const unknown = wanted.filter((name) => !all[name])
    if (unknown.length > 0) throw new Stop(`--only knows ${Object.keys(all).join(', ')}; not ${unknown.join(', ')}`)
    for (const name of wanted) results.push(await measure(server, name, all[name], tokens, options.seconds))
  } finally {
    await server.stop()
  }
  const isWhole = Object.keys(MIX).every((name) => results.some((result) => result.name === name))
  const report = { at: new Date().toISOString(), tickets: options.tickets, seconds: options.seconds, connections: CONNECTIONS, busy, size: builtSize(), started, idle, results }
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  const parts = [...(options.quick ? [] : [speed(report)]), counts(report), ...(isWhole ? [money(report)] : [])]
  console.log(`\n${parts.join('\n\n')}`)
  if (options.docs && isWhole) refreshDocs(report)
  if (results.some(({ refused, broken }) => refused + broken > 0)) throw new Stop('not every answer was a good one')
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      tickets: { type: 'string' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string' },
      reuse: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const whole = (name, text, least, most) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new Stop(`--${name} wants a whole number from ${least} to ${most}`)
  }
  return {
    ...values,
    tickets: whole('tickets', values.tickets ?? (values.quick ? '60' : '1000'), 40, 1_000_000),
    seconds: values.quick ? 0.3 : whole('seconds', values.seconds, 1, 600),
    only: values.only?.split(/,(?! (?:nobody|assigned|two))/).map((name) => name.trim()),
    json: values.json && path.resolve(values.json),
  }
}

/** What a minute costs in which nothing is due: the first one may still find something to do. */
async function idleMinute(server, persist) {
  const { DEV_SECRET } = localVars(path.join(persist, '.dev.vars'))
  const tick = { method: 'POST', path: '/dev/tick', headers: { 'X-Dev-Secret': DEV_SECRET } }
  await ask(server.url, tick)
  const { status, body } = await ask(server.url, tick)
  if (status !== 200) throw new Stop(`POST /dev/tick answered ${status}`)
  return { trips: body.trips, read: body.rows_read, written: body.rows_written }
}

async function measure(server, name, scenario, tokens, seconds) {
  const { requests, open, roles, connections = CONNECTIONS } = scenario
  const token = open ? undefined : tokens.admin
  const first = await ask(server.url, requests[0], token)
  check(name, scenario, first)
  const costs = { admin: first.cost }
  for (const role of roles ? ['agent', 'customer'] : []) costs[role] = (await ask(server.url, requests[0], tokens[role])).cost
  const result = { name, bytes: first.bytes, costs, refused: 0, broken: 0 }
  if (scenario.load === false) return result
  return step(name, async () => {
    await load(server, requests, { token, connections, seconds: seconds / 2 })
    Object.assign(result, await load(server, requests, { token, connections, seconds }))
    return result
  })
}

function check(name, { status = 200, check = () => {} }, answer) {
  try {
    assert.equal(answer.status, status)
    check(answer.body)
  } catch (error) {
    throw new Stop(`the first answer of "${name}" is wrong: ${error.message}\n${JSON.stringify(answer.body).slice(0, 600)}`)
  }
}
