#!/usr/bin/env node
// node scripts/bench/profile.mjs [--levels 3,s] [--passes=-O,-Os,-O3,-O4] [--rounds 3] [--seconds 3]
// Builds the Worker in each combination of Rust's opt-level and wasm-opt's passes, and compares what is deployed and what a
// request costs: gzip size, and CPU per request of health, of a list and of one ticket, on the desk that `npm run bench` made.
// What else Cargo can vary goes by its own variables: CARGO_PROFILE_RELEASE_STRIP=debuginfo node scripts/bench/profile.mjs
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { underPinnedNode } from '../lib/node.mjs'
import { BIN, at } from '../lib/project.mjs'
import { main, output, run, step } from '../lib/run.mjs'
import { setUp } from '../lib/tools.mjs'
import { placeEntry } from '../lib/worker.mjs'
import { ADMIN, readDesk, signIn } from './desk.mjs'
import { load } from './load.mjs'
import { scenarios } from './scenarios.mjs'
import { median, serve } from './server.mjs'
import { table } from './table.mjs'

const DESK = at('.wrangler/bench/1000')
const KEPT = at('.wrangler/bench/builds')
const FILES = ['index.js', 'glue.js', 'index_bg.wasm']
const SHOWN = ['health', 'list 25', 'get one']
/** What Rust's wasm uses; worker-build names the same to wasm-opt. */
const FEATURES = ['mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types', 'exception-handling']

await main(async (args) => {
  const { levels, passes, rounds, seconds } = read(args)
  await underPinnedNode()
  const desk = readDesk(DESK)
  const builds = levels.flatMap((level) => passes.map((pass) => ({ name: `opt-level ${level}, wasm-opt ${pass}`, level, pass, cpu: SHOWN.map(() => []) })))
  try {
    for (const level of levels) await step(`opt-level ${level}`, () => compile(level))
    for (const build of builds) await step(build.name, () => optimize(build))
    for (let round = 1; round <= rounds; round++) {
      for (const build of builds.filter(({ bytes }) => bytes)) await step(`${build.name}, round ${round}`, () => measure(build, desk, seconds))
    }
  } finally {
    fs.rmSync(at('build/.inputs'), { force: true }) // the next build makes build/ anew
  }
  const rows = builds.map(({ name, bytes, gzip, cpu }) =>
    bytes ? [name, kilo(bytes), kilo(gzip), ...cpu.map((list) => `${median(list).toFixed(3)} (${Math.min(...list).toFixed(3)})`)] : [name, 'fails', '', ...cpu.map(() => '')],
  )
  console.log(`\nCPU ms per request, median (least) of ${rounds} rounds\n\n${table(['build', 'kB', 'kB gzip', ...SHOWN], rows)}`)
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: {
      levels: { type: 'string', default: '3,s' },
      passes: { type: 'string', default: '-O,-Os,-O3,-O4' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
    },
  })
  return { levels: values.levels.split(','), passes: values.passes.split(','), rounds: Number(values.rounds), seconds: Number(values.seconds) }
}

function folder(...names) {
  return path.join(KEPT, names.join(''))
}

function copy(from, to) {
  fs.mkdirSync(to, { recursive: true })
  for (const file of FILES) fs.copyFileSync(path.join(from, file), path.join(to, file))
}

/** Builds without wasm-opt and keeps the result. */
async function compile(level) {
  const { workerBuild, wasmBindgen } = await setUp()
  const env = { WASM_BINDGEN_BIN: wasmBindgen, ESBUILD_BIN: path.join(BIN, 'esbuild'), CARGO_PROFILE_RELEASE_OPT_LEVEL: level }
  await run(workerBuild, ['--release', '--no-opt'], { env, failure: 'the Worker does not build; look at the lines above.' })
  placeEntry()
  copy(at('build'), folder(level))
}

/** The npm package's wasm-opt is itself WebAssembly, and some passes break it: then this build has no size. */
async function optimize(build) {
  const { level, pass } = build
  const here = folder(level, pass)
  copy(folder(level), here)
  const wasm = path.join(here, 'index_bg.wasm')
  const flags = [pass, '--strip-debug', ...FEATURES.map((feature) => `--enable-${feature}`)]
  if (output('wasm-opt', [wasm, '-o', wasm, ...flags]) === undefined) return 'wasm-opt fails'
  const files = FILES.map((file) => fs.readFileSync(path.join(here, file)))
  build.bytes = files.reduce((sum, bytes) => sum + bytes.length, 0)
  build.gzip = files.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0)
  return `${kilo(build.gzip)} kB gzip`
}

/** One round of one build: it is served from build/, as any other. */
async function measure({ level, pass, cpu }, desk, seconds) {
  copy(folder(level, pass), at('build'))
  const server = await serve(DESK)
  try {
    const admin = await signIn(server.url, ADMIN)
    const all = await scenarios(desk, server.url, { admin })
    for (const [at, name] of SHOWN.entries()) {
      const { requests, open } = all[name]
      const options = { token: open ? undefined : admin, connections: 16 }
      await load(server, requests, { ...options, seconds: 1 })
      cpu[at].push((await load(server, requests, { ...options, seconds })).cpu)
    }
  } finally {
    await server.stop()
  }
  return cpu.map((list, at) => `${SHOWN[at]} ${list.at(-1).toFixed(3)} ms`).join(', ')
}

function kilo(bytes) {
  return (bytes / 1000).toFixed(0)
}
