#!/usr/bin/env node
// Serves the Worker on workerd directly, for tests and benchmarks (`npm start` is for people):
//   node scripts/serve.mjs --port 9000 --persist DIR [--var KEY=VALUE]... [--unset KEY]... [--config wrangler.toml]
//                          [--no-build] [--quiet] [--while PID]
//   --persist  where the databases live; its schema is brought up to date, and random secrets are kept in DIR/.dev.vars
//   --var      a variable or secret on top of these and of [vars]; --unset takes one away
//   --no-build serve build/ as it is
//   --quiet    drop the Worker's log instead of writing it to stderr
//   --while    stop when that process is gone
// When it serves, it prints one line of JSON on stdout:
//   {"ready":true,"url","control","mail","pid","workerd":[pid],"d1":"its SQLite file"}
// A GET of `control` runs the scheduled handler; a mail is POSTed to `mail?from=ADDRESS&to=ADDRESS` as it is. SIGTERM and SIGINT stop it, workerd included; after a SIGKILL of `pid`
// the processes in `workerd` live on and want one of their own.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { needFreePort } from './lib/net.mjs'
import { underPinnedNode, whenGone, whenParentIsGone } from './lib/node.mjs'
import { at } from './lib/project.mjs'
import { Stop, main } from './lib/run.mjs'
import { localVars } from './lib/vars.mjs'
import { buildWorker } from './lib/worker.mjs'

const HOST = '127.0.0.1'

await main(async (args) => {
  const options = read(args)
  await underPinnedNode()
  // Miniflare ends workerd when this process ends by process.exit or by a signal that can be caught.
  whenParentIsGone(() => process.exit(1))
  whenGone(options.while, () => process.exit(0))
  if (options.build) await buildWorker()
  await needFreePort(options.port, HOST, 'node scripts/serve.mjs --port N')
  const { serveWorker } = await import('./lib/workerd.mjs')
  const served = await serveWorker({ ...options, host: HOST })
  console.log(JSON.stringify({ ready: true, pid: process.pid, ...served }))
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      persist: { type: 'string' },
      var: { type: 'string', multiple: true, default: [] },
      unset: { type: 'string', multiple: true, default: [] },
      config: { type: 'string', default: at('wrangler.toml') },
      'no-build': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      while: { type: 'string' },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Stop('--port wants a number from 1 to 65535')
  if (!values.persist) throw new Stop('--persist wants a folder')
  const persist = path.resolve(values.persist)
  const given = values.var.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
  const vars = { ...localVars(path.join(persist, '.dev.vars')), ...Object.fromEntries(given) }
  for (const name of values.unset) delete vars[name]
  return { port, persist, vars, config: path.resolve(values.config), build: !values['no-build'], logs: !values.quiet, while: Number(values.while) }
}
