#!/usr/bin/env node
// npm run openapi: writes web/openapi.json and docs/routes.md, both from the table in src/routes.rs.
import { underPinnedNode } from './lib/node.mjs'
import { main, run } from './lib/run.mjs'

await main(async () => {
  await underPinnedNode()
  await run('cargo', ['test', '--quiet', '--lib', 'openapi::'], { env: { UPDATE: '1' } })
})
