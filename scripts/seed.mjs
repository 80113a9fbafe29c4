#!/usr/bin/env node
// npm run seed [-- --url http://127.0.0.1:8787]: sample accounts and tickets in the Worker that `npm start` runs.
import { parseArgs } from 'node:util'
import { DEV_VARS } from './lib/project.mjs'
import { Stop, main, say } from './lib/run.mjs'
import { seed, showAccounts } from './lib/sample.mjs'
import { localVars } from './lib/vars.mjs'

await main(async (args) => {
  const { values } = parseArgs({ args, options: { url: { type: 'string', default: `http://127.0.0.1:${process.env.PORT || 8787}` } } })
  const url = values.url.replace(/\/$/, '')
  const answer = await seed(url, localVars(DEV_VARS).DEV_SECRET).catch((error) => {
    if (error instanceof Stop) throw error
    throw new Stop(`nothing answers at ${url}: start the Worker first, with npm start`)
  })
  console.log(answer)
  showAccounts()
})
