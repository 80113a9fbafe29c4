// Loading a server with wrk, and asking it one thing at a time.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { at } from '../lib/project.mjs'
import { Stop, ended, output } from '../lib/run.mjs'
import { cpu } from './server.mjs'

export function needWrk() {
  if (output('which', ['wrk']) === undefined) throw new Stop('wrk, which makes the load, is missing. Install it with:\n  apt install wrk')
}

/** One answer: `{ status, body, bytes, cost }`; `cost` is what Server-Timing says of D1: trips, rows read and written. */
export async function ask(url, request, token) {
  const response = await fetch(url + request.path, {
    method: request.method ?? 'GET',
    headers: headers(request, token),
    body: request.body,
  })
  const text = await response.text()
  return { status: response.status, body: text && JSON.parse(text), bytes: Buffer.byteLength(text), cost: cost(response.headers.get('Server-Timing')) }
}

function headers(request, token) {
  return {
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(request.body && { 'Content-Type': 'application/json' }),
  }
}

function cost(timing) {
  const of = (name) => Number(timing?.match(new RegExp(`\\b${name};desc="?(\\d+)`))?.[1] ?? NaN)
  return { trips: of('d1'), read: of('rows_read'), written: of('rows_written') }
}

/** Sends requests in turn over some connections for some seconds. */
export async function load(server, requests, { token, connections, seconds }) {
  const file = path.join(os.tmpdir(), `edgedesk-bench-${process.pid}.lua`)
  fs.writeFileSync(file, `return {\n${requests.map((request) => quoted(raw(request, token))).join(',\n')}\n}\n`)
  const before = cpu(server.workerd)
  const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', at('scripts/bench/wrk.lua'), server.url, '--', file])
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const [code] = await ended(child, 'wrk')
  const used = cpu(server.workerd) - before
  fs.rmSync(file)
  const line = said.match(/^\{.*\}$/m)?.[0]
  if (code !== 0 || !line) throw new Stop(`wrk failed:\n${said}`)
  const { requests: done, microseconds, p50, p99, refused, broken } = JSON.parse(line)
  return { perSecond: (done / microseconds) * 1e6, p50: p50 / 1000, p99: p99 / 1000, cpu: (used * 1000) / done, requests: done, refused, broken }
}

/** A request as it goes over the wire. */
function raw(request, token) {
  const { method = 'GET', path: target, body = '' } = request
  const lines = Object.entries({ Host: '127.0.0.1', ...headers(request, token), ...(body && { 'Content-Length': Buffer.byteLength(body) }) })
  return `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** A Lua string: bytes that are not plain ASCII as their numbers. */
function quoted(text) {
  const bytes = [...Buffer.from(text)].map((byte) => (/[\w /.:;,=?&{}-]/.test(String.fromCharCode(byte)) && byte < 128 ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`))
  return `"${bytes.join('')}"`
}
