#!/usr/bin/env node
// Runs the walk of README.md and compares what it prints with what the README says:
//   node scripts/check-readme.mjs [--url http://127.0.0.1:8787]
// Without --url it serves the build with sample data of its own.
import { spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from './lib/net.mjs'
import { underPinnedNode } from './lib/node.mjs'
import { at, childEnv } from './lib/project.mjs'
import { Stop, main, step } from './lib/run.mjs'
import { seed } from './lib/sample.mjs'
import { localVars } from './lib/vars.mjs'
import { buildWorker } from './lib/worker.mjs'

const HOST = '127.0.0.1'
const IN_README = `http://${HOST}:8787`

await main(async (args) => {
  const { values } = parseArgs({ args, options: { url: { type: 'string' } } })
  await underPinnedNode()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'edgedesk-walk-'))
  try {
    const url = values.url ?? (await serve(folder))
    await step('the walk of README.md', () => walk(url.replace(/\/$/, ''), folder))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  process.exit(0) // which ends workerd
})

async function serve(folder) {
  await buildWorker()
  const { serveWorker } = await import('./lib/workerd.mjs')
  const vars = localVars(path.join(folder, '.dev.vars'))
  const { url } = await serveWorker({ host: HOST, port: await freePort(HOST), persist: folder, vars, logs: false })
  await seed(url, vars.DEV_SECRET)
  return url
}

async function walk(url, folder) {
  const steps = read(fs.readFileSync(at('README.md'), 'utf8'))
  // A mark after each step tells whose output is whose; the shell lives through all of them.
  const mark = crypto.randomUUID()
  const script = steps.map(({ command }) => `${command.replaceAll(IN_README, url)}\necho\necho ${mark}`).join('\n')
  const ran = spawnSync('bash', ['--noprofile', '--norc', '-c', script], { cwd: folder, env: childEnv(), encoding: 'utf8', timeout: 120_000 })
  if (ran.error) throw new Stop(`bash could not run the walk: ${ran.error.message}`)
  const printed = ran.stdout.split(`${mark}\n`).map((text) => text.trim())
  const wrong = steps
    .map(({ command, wanted }, i) => ({ command, wanted, have: printed[i] ?? 'nothing' }))
    .filter(({ wanted, have }) => !fits(wanted, have))
  if (wrong.length > 0) {
    // What follows a wrong step goes wrong because of it.
    const shown = wrong.slice(0, 3).map(({ command, wanted, have }) => `${command}\n  wanted: ${wanted}\n  have:   ${have}`)
    throw new Stop(`${shown.join('\n')}\n${ran.stderr.slice(0, 2_000)}`)
  }
  return `${steps.length} steps`
}

/** The commands between the two marks, each with what it should print; one without a word of that should be silent. */
function read(readme) {
  const walk = readme.split('<!-- walk -->')[1]?.split('<!-- /walk -->')[0]
  if (!walk) throw new Stop('README.md has no walk')
  const lines = [...walk.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block.split('\n')).filter(Boolean)
  const steps = []
  for (const line of lines) {
    if (line.startsWith('# ')) steps.at(-1).wanted = line.slice(2)
    else steps.push({ command: line, wanted: '' })
  }
  return steps
}

function fits(wanted, have) {
  const [head, ...rest] = wanted.split('...')
  if (rest.length === 0) return wanted === have
  return have.startsWith(head) && have.endsWith(rest.at(-1)) && have.length > wanted.length - 3
}
