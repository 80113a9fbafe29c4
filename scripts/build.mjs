#!/usr/bin/env node
// npm run build, and the [build] command of wrangler.toml: the static assets, then the Worker in build/.
//   --force   build even when nothing changed since the last build
import { underPinnedNode } from './lib/node.mjs'
import { main } from './lib/run.mjs'
import { buildWorker } from './lib/worker.mjs'

await main(async (args) => {
  await underPinnedNode()
  await buildWorker({ force: args.includes('--force') })
})
