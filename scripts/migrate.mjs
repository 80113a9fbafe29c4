#!/usr/bin/env node
// npm run migrate: bring the local database up to date. npm run migrate -- --remote: the one on Cloudflare.
import { underPinnedNode } from './lib/node.mjs'
import { main, step } from './lib/run.mjs'
import { migrateLocal, wrangler } from './lib/wrangler.mjs'

await main(async (args) => {
  await underPinnedNode()
  if (args.includes('--remote')) await wrangler(['d1', 'migrations', 'apply', 'DB', ...args])
  else await step('local database', migrateLocal)
})
