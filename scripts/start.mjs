#!/usr/bin/env node
// npm start: from a fresh clone to a running help desk with sample data. Later starts skip what is there.
//   PORT=8787 HOST=127.0.0.1 npm start
import { spawn } from 'node:child_process'
import { answers, needFreePort } from './lib/net.mjs'
import { underPinnedNode, whenParentIsGone } from './lib/node.mjs'
import { DEV_VARS, childEnv } from './lib/project.mjs'
import { Stop, ended, main, say, step } from './lib/run.mjs'
import { seed, showAccounts } from './lib/sample.mjs'
import { LOCAL, lookUp } from './lib/storage.mjs'
import { setUp } from './lib/tools.mjs'
import { localVars } from './lib/vars.mjs'
import { buildWorker } from './lib/worker.mjs'
import { migrateLocal } from './lib/wrangler.mjs'

const HOST = process.env.HOST || '127.0.0.1'
const PORT = Number(process.env.PORT || 8787)
const URL_HERE = `http://${HOST === '0.0.0.0' ? '127.0.0.1' : HOST}:${PORT}`

await main(async () => {
  if (!Number.isInteger(PORT) || PORT < 1 || PORT > 65_535) throw new Stop(`PORT=${process.env.PORT} is not a port`)
  await underPinnedNode()
  await needFreePort(PORT, HOST, `PORT=${PORT + 1} npm start`)
  await step('Rust, worker-build and wasm-bindgen', () => setUp().then(() => 'ready'))
  await buildWorker()
  const vars = localVars(DEV_VARS)
  await step('local database', migrateLocal)
  const server = serve()
  await step('Worker', () => answers(`${URL_HERE}/health`, 60, () => server.exitCode !== null))
  await fill(vars.DEV_SECRET)
  tick(server)
  welcome()
  const [code] = await ended(server, 'wrangler')
  if (!server.killed) throw new Stop(`wrangler dev ended by itself, with status ${code}`)
  process.exit(0)
})

/** Wrangler in a process group of its own: Ctrl-C reaches this script alone, which ends the group in good order. */
function serve() {
  const args = ['dev', '--ip', HOST, '--port', String(PORT), '--persist-to', LOCAL, '--show-interactive-dev-session=false']
  const server = spawn('wrangler', args, { env: childEnv(), stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const stop = () => {
    server.kill('SIGTERM')
    setTimeout(() => process.exit(0), 5000).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop)
  whenParentIsGone(stop)
  process.once('exit', () => {
    try {
      process.kill(-server.pid, 'SIGKILL')
    } catch {} // nothing is left of it
  })
  return server
}

/** Sample data for a database without people; one that has people is left alone. */
async function fill(secret) {
  const [people] = await lookUp('SELECT count(*) FROM users')
  if (people === 0) await step('sample data', () => seed(URL_HERE, secret))
}

/** Wrangler does not fire crons by itself: once a minute, as on Cloudflare, the scheduled handler is called. */
function tick(server) {
  const timer = setInterval(() => fetch(`${URL_HERE}/cdn-cgi/local/scheduled?cron=*+*+*+*+*`).catch(() => {}), 60_000)
  server.once('exit', () => clearInterval(timer))
}

function welcome() {
  say(`
Edgedesk runs at ${URL_HERE}
  ${URL_HERE}/docs     try the API in the browser
  ${URL_HERE}/redoc    read about it
  ${URL_HERE}/health

Accounts of the sample data:`)
  showAccounts()
  say('\nCtrl-C stops it. Changes in src/ are built and served at once.')
}
