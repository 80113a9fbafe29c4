#!/usr/bin/env node
// npm run bench:live [-- --rooms 40] [--sockets 5] [--seconds 60] [--every 1000] [--json FILE]
//   --rooms    tickets whose rooms are held open
//   --sockets  in each of them; two are the staff's, the others the customer's
//   --every    milliseconds between two messages in a room: by HTTP and over sockets, every fourth a note
// Holds the sockets for a while and says how long it took from the sending of a message until a socket heard it. Fails when
// a socket hears of another room, misses a sequence number, or tells a customer of a note.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { underPinnedNode } from '../lib/node.mjs'
import { Stop, main, say, step } from '../lib/run.mjs'
import { seed } from '../lib/sample.mjs'
import { localVars } from '../lib/vars.mjs'
import { buildWorker } from '../lib/worker.mjs'
import { ask } from './load.mjs'
import { serve } from './server.mjs'
import { table } from './table.mjs'

const SECRET = 'between-us'

await main(async (args) => {
  const options = read(args)
  await underPinnedNode()
  await buildWorker()
  const persist = fs.mkdtempSync(path.join(os.tmpdir(), 'edgedesk-live-'))
  const { DEV_SECRET } = localVars(path.join(persist, '.dev.vars'))
  const server = await serve(persist)
  try {
    await seed(server.url, DEV_SECRET)
    const rooms = await step('rooms', () => openAll(server.url, options))
    await step('messages', () => talk(server.url, rooms, options))
    const report = judge(rooms, options)
    if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
    const figure = (value) => value.toFixed(1)
    console.log(table(
      ['sockets', 'messages', 'frames', 'p50 ms', 'p95 ms', 'p99 ms', 'gaps', 'foreign', 'leaks'],
      [[report.sockets, report.messages, report.frames, figure(report.p50), figure(report.p95), figure(report.p99), report.gaps, report.foreign, report.leaks].map(String)],
    ))
    if (report.gaps + report.foreign + report.leaks + report.closed > 0) throw new Stop('not every socket heard what it should')
  } finally {
    await server.stop()
    fs.rmSync(persist, { recursive: true, force: true })
  }
  process.exit(0) // the sockets' own timers are of no use any more
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: {
      rooms: { type: 'string', default: '40' },
      sockets: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '60' },
      every: { type: 'string', default: '1000' },
      json: { type: 'string' },
    },
  })
  const whole = (name, least, most) => {
    const number = Number(values[name])
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new Stop(`--${name} wants a whole number from ${least} to ${most}`)
  }
  return { rooms: whole('rooms', 1, 1000), sockets: whole('sockets', 3, 12), seconds: whole('seconds', 1, 3600), every: whole('every', 50, 60_000), json: values.json && path.resolve(values.json) }
}

async function post(url, where, body, token) {
  const answer = await ask(url, { method: 'POST', path: `/api/v1${where}`, body: JSON.stringify(body) }, token)
  if (answer.status >= 300) throw new Stop(`POST ${where} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Rooms with their sockets: `{ ticket, customer, staff, sockets, sent }`, `sent` being the moment of each message by its text. */
async function openAll(url, { rooms, sockets }) {
  const staff = (await post(url, '/auth/login', { email: 'admin@helpdesk.com', password: 'admin123' })).access_token
  const all = []
  for (let at = 0; at < rooms; at++) {
    const { access_token: customer } = await post(url, '/auth/register', { email: `live${at}@bench.example`, password: 'one password for everybody' })
    const { id: ticket } = await post(url, '/tickets', { title: `Room ${at}`, description: 'Is anybody there?' }, customer)
    const room = { ticket, customer, staff, sent: new Map(), sockets: [] }
    const tokens = Array.from({ length: sockets }, (_, seat) => (seat < 2 ? staff : customer))
    room.sockets = await Promise.all(tokens.map((token) => listen(url, room, token)))
    all.push(room)
  }
  return all
}

/** A socket that notes what it hears. */
function listen(url, room, token) {
  const heard = { isStaff: token === room.staff, last: undefined, frames: 0, late: [], gaps: 0, foreign: 0, leaks: 0, closed: 0 }
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/messages/room/${room.ticket}`, ['bearer', token])
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Stop(`no socket for the room of ticket ${room.ticket}`))
    socket.onclose = () => heard.closed++
    socket.onmessage = ({ data }) => {
      const now = performance.now()
      const frame = JSON.parse(data)
      if (frame.type === 'presence') resolve({ socket, heard })
      if (!heard.isStaff && data.includes(SECRET)) heard.leaks++
      if (frame.type === 'error') heard.closed++
      if (frame.seq === undefined) return
      heard.frames++
      if (frame.ticket_id !== room.ticket) heard.foreign++
      if (heard.last !== undefined && frame.seq !== heard.last + 1) heard.gaps++
      heard.last = frame.seq
      const sent = room.sent.get(frame.data.body)
      if (sent !== undefined) heard.late.push(now - sent)
    }
  })
}

async function talk(url, rooms, { seconds, every }) {
  const until = performance.now() + seconds * 1000
  await Promise.all(rooms.map(async (room, number) => {
    await sleep((number / rooms.length) * every)
    for (let at = 0; performance.now() < until; at++) {
      const next = performance.now() + every
      await sayOne(url, room, number, at)
      await sleep(Math.max(0, next - performance.now()))
    }
  }))
  await sleep(2000)
  return `${rooms.reduce((sum, { sent }) => sum + sent.size, 0)} in ${seconds} s`
}

async function sayOne(url, room, number, at) {
  const isNote = at % 4 === 3
  const body = `${isNote ? SECRET : 'message'} ${number} ${at}`
  room.sent.set(body, performance.now())
  if (at % 2 === 0 && !isNote) {
    room.sockets[at % room.sockets.length].socket.send(JSON.stringify({ type: 'message', body }))
  } else {
    await post(url, '/messages', { ticket_id: room.ticket, body, is_internal: isNote }, isNote ? room.staff : room.customer)
  }
}

function judge(rooms, { json: _, ...options }) {
  const all = rooms.flatMap(({ sockets }) => sockets.map(({ heard }) => heard))
  const late = all.flatMap((heard) => heard.late).sort((a, b) => a - b)
  const sum = (name) => all.reduce((total, heard) => total + heard[name], 0)
  const share = (part) => late[Math.min(late.length - 1, Math.floor(late.length * part))] ?? NaN
  // What never came is a gap, too: everybody in a room has heard as far as the others of their kind.
  const ends = rooms.flatMap(({ sockets }) => [true, false].map((isStaff) => new Set(sockets.filter(({ heard }) => heard.isStaff === isStaff).map(({ heard }) => heard.last)).size - 1))
  const expected = rooms.reduce((total, { sent, sockets }) => total + [...sent.keys()].reduce((count, body) => count + sockets.filter(({ heard }) => heard.isStaff || !body.startsWith(SECRET)).length, 0), 0)
  say(`  ${late.length} of ${expected} frames were heard`)
  return {
    ...options, sockets: all.length, messages: rooms.reduce((total, { sent }) => total + sent.size, 0), frames: sum('frames'),
    p50: share(0.5), p95: share(0.95), p99: share(0.99),
    gaps: sum('gaps') + ends.reduce((total, more) => total + Math.max(0, more), 0) + (expected - late.length), foreign: sum('foreign'), leaks: sum('leaks'), closed: sum('closed'),
  }
}
