#!/usr/bin/env node
// node scripts/check-schema.mjs: the migrations, applied in order, give exactly schema.sql, rows included.
import { underPinnedNode } from './lib/node.mjs'
import { main } from './lib/run.mjs'
import { checkSchema } from './lib/schema.mjs'

await main(async () => {
  await underPinnedNode()
  console.log(await checkSchema())
})
