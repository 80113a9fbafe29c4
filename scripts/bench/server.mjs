// The built Worker, served in a process of its own, and how long it takes to be there.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import readline from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { at } from '../lib/project.mjs'
import { Stop, ended } from '../lib/run.mjs'

const HEALTH = '/api/v1/health'
/** Clock ticks of /proc in a second, on every Linux that Node runs on. */
const TICKS = 100

/** Serves build/ with the databases in `persist`; resolves when it answers. `stop()` ends it. */
export async function serve(persist, vars = []) {
  const launched = await launch(persist, vars)
  return { ...(await launched.ready), stop: launched.stop }
}

async function launch(persist, more = []) {
  const port = await freePort()
  const vars = ['RATE_LIMITS=off', 'ACCESS_TOKEN_EXPIRE_MINUTES=1440', ...more].flatMap((pair) => ['--var', pair])
  const args = [at('scripts/serve.mjs'), '--port', port, '--persist', persist, '--no-build', '--quiet', '--while', process.pid, ...vars]
  const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (text) => (log = (log + text).slice(-5000)))
  const over = ended(child, 'node')
  const lines = readline.createInterface(child.stdout)
  const ready = new Promise((resolve, reject) => {
    lines.on('line', (line) => line.startsWith('{') && resolve(JSON.parse(line))) // wrangler may have a word first
    over.then(() => reject(new Stop(`the Worker could not be served:\n${log}`)), reject)
  })
  ready.catch(() => {}) // whoever waits for it hears of it
  return { url: `http://127.0.0.1:${port}`, ready, stop: () => child.kill('SIGTERM') && over }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** CPU seconds that the processes have used so far; NaN where there is no /proc. */
export function cpu(pids) {
  if (pids.length === 0) return NaN
  return pids.map(stat).reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) / TICKS, 0)
}

/** The fields of /proc/<pid>/stat from the third on. */
function stat(pid) {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Seconds since a process began. */
const age = (pid) => Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - Number(stat(pid)[19]) / TICKS

/**
 * Milliseconds of a fresh start, medians over some rounds: `up`, from the birth of workerd to its first 200, and, in rounds
 * of their own in which workerd has come to rest before, the latency of the `first` and the `second` request.
 */
export async function startUp(persist, rounds = 5) {
  const [up, first, second] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    up.push(await impatient(persist))
    const [one, two] = await patient(persist)
    first.push(one)
    second.push(two)
  }
  return { up: median(up), first: median(first), second: median(second) }
}

/** Asks from before there is anybody to answer. */
async function impatient(persist) {
  const launched = await launch(persist)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  let taken
  while (taken === undefined) {
    taken = await latency(launched.url, agent).catch(() => sleep(2))
  }
  const now = process.uptime()
  const { workerd } = await launched.ready
  const since = process.uptime() - now
  agent.destroy()
  const milliseconds = workerd.length > 0 ? (age(workerd[0]) - since) * 1000 : NaN
  await launched.stop()
  return milliseconds
}

/** The first two requests to a server at rest. */
async function patient(persist) {
  const server = await serve(persist)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const latencies = [await latency(server.url, agent), await latency(server.url, agent)]
  agent.destroy()
  await server.stop()
  return latencies
}

/** Milliseconds of one GET. */
function latency(url, agent) {
  const since = performance.now()
  return new Promise((resolve, reject) => {
    const request = http.get(url + HEALTH, { agent }, (response) => {
      response.resume().once('end', () => (response.statusCode === 200 ? resolve(performance.now() - since) : reject(new Error(response.statusCode))))
    })
    request.once('error', reject)
  })
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The value below which this share of sorted numbers lies. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
