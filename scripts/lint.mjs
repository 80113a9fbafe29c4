#!/usr/bin/env node
// npm run lint: formatting, and clippy without a warning, for the machine that runs the tests and for the Worker.
import fs from 'node:fs'
import path from 'node:path'
import { underPinnedNode } from './lib/node.mjs'
import { at } from './lib/project.mjs'
import { main, run, step } from './lib/run.mjs'
import { setUp } from './lib/tools.mjs'

await main(async () => {
  await underPinnedNode()
  await setUp()
  await step('cargo fmt', () => run('cargo', ['fmt', '--all', '--check'], { failure: 'not formatted: run cargo fmt' }))
  await step('clippy, native', () => run('cargo', ['clippy', '--all-targets', '--', '-D', 'warnings']))
  await step('clippy, wasm32', () => run('cargo', ['clippy', '--lib', '--target', 'wasm32-unknown-unknown', '--', '-D', 'warnings']))
  await step('scripts parse', async () => {
    for (const file of scripts()) await run(process.execPath, ['--check', file])
  })
})

function scripts() {
  return ['scripts', 'web'].flatMap((folder) =>
    fs
      .readdirSync(at(folder), { recursive: true })
      .filter((name) => /\.m?js$/.test(name) && !name.startsWith('dist'))
      .map((name) => path.join(at(folder), name)),
  )
}
