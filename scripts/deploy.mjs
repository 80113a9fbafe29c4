#!/usr/bin/env node
// npm run deploy [-- --dry-run]: build the Worker and publish it; wrangler's own options may follow.
import fs from 'node:fs'
import { underPinnedNode } from './lib/node.mjs'
import { at } from './lib/project.mjs'
import { Stop, main } from './lib/run.mjs'
import { wrangler } from './lib/wrangler.mjs'

await main(async (args) => {
  await underPinnedNode()
  if (!args.includes('--dry-run')) needIds()
  await wrangler(['deploy', ...args])
})

/** wrangler.toml comes with ids that nobody has. */
function needIds() {
  const config = fs.readFileSync(at('wrangler.toml'), 'utf8')
  if (/^\s*(database_)?id = "[0-]+"/m.test(config)) {
    throw new Stop(`wrangler.toml still has placeholder ids. Create the stores, and put the ids that are printed there:
  npx wrangler d1 create edgedesk
  npx wrangler kv namespace create KV
  npx wrangler r2 bucket create edgedesk-files
Then set the secrets, migrate and deploy:
  npx wrangler secret put JWT_SECRET
  npx wrangler secret put PASSWORD_PEPPER
  npm run migrate -- --remote
  npm run deploy`)
  }
}
