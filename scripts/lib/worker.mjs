// Builds the Worker: Rust to WebAssembly by worker-build, with every helper program given so that it downloads nothing.
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { buildAssets } from './assets.mjs'
import { BIN, at, lockedCrate, readJson } from './project.mjs'
import { Stop, run, step } from './run.mjs'
import { DEPLOYED, GLUE, NAMED } from './size.mjs'
import { setUp } from './tools.mjs'
import { withoutCustomSections } from './wasm.mjs'

/** What the platform may call. Whatever else is exported, any Worker that is bound to this one could call, too. */
const ENTRY_POINTS = ['email', 'fetch', 'queue', 'scheduled']
const STAMP = at('build/.inputs')
/** `EDGEDESK_PROFILE=quick` builds in a third of the time, for work on the code; everything else is the release build. */
const PROFILE = process.env.EDGEDESK_PROFILE || 'release'

/** Builds what changed. Wrangler runs this at every start, so it must be quick when nothing did. */
export async function buildWorker({ force = false } = {}) {
  buildAssets()
  const inputs = digest()
  if (!force && isCurrent(inputs)) return
  await step(`Worker (${PROFILE} build; the first one takes minutes)`, async () => {
    const { workerBuild, wasmBindgen } = await setUp()
    fs.rmSync(STAMP, { force: true })
    await run(workerBuild, PROFILE === 'release' ? ['--release'] : ['--profile', PROFILE, '--no-opt'], {
      env: {
        WASM_BINDGEN_BIN: wasmBindgen,
        WASM_OPT_BIN: path.join(BIN, 'wasm-opt'),
        ESBUILD_BIN: path.join(BIN, 'esbuild'),
      },
      failure: 'the Worker does not build; look at the lines above.',
    })
    placeEntry()
    checkEntryPoints()
    await stripNames()
    fs.writeFileSync(STAMP, inputs)
  })
}

/** Puts our own entry in front of what worker-build has made. */
export function placeEntry() {
  fs.renameSync(at('build/index.js'), at(GLUE))
  fs.copyFileSync(at('src/entry.js'), at('build/index.js'))
}

function checkEntryPoints() {
  const shim = fs.readFileSync(at(GLUE), 'utf8')
  const methods = [...shim.matchAll(/(\w+)\.prototype\.(\w+)\s*=/g)].map(([, , name]) => name).sort()
  if (methods.join() !== ENTRY_POINTS.join()) throw new Stop(`the Worker exports ${methods.join(', ')}: exactly ${ENTRY_POINTS.join(', ')} may be called`)
}

/**
 * The names of functions are a fifth of the file and nothing needs them to run: `npm run size` reads them. In the order of
 * their names, functions stand beside those that resemble them, and without names wasm-opt finds a little more to take
 * out: together that is 18 kB less to deploy.
 */
async function stripNames() {
  const wasm = at('build/index_bg.wasm')
  fs.renameSync(wasm, at(NAMED))
  if (PROFILE === 'release') {
    await run(path.join(BIN, 'wasm-opt'), ['-Oz', '--reorder-functions-by-name', at(NAMED), '-o', wasm])
  } else {
    fs.copyFileSync(at(NAMED), wasm)
  }
  fs.writeFileSync(wasm, withoutCustomSections(fs.readFileSync(wasm)))
}

const isCurrent = (inputs) =>
  [...DEPLOYED, NAMED].every((file) => fs.existsSync(at(file))) && fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === inputs

/** A digest of everything the build reads: sources by content, tools by version. */
function digest() {
  const hash = crypto.createHash('sha256')
  const sources = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'schema.sql', 'web/openapi.json', ...['src', 'migrations', '.cargo'].flatMap(filesUnder)]
  for (const file of sources.filter((file) => fs.existsSync(at(file)))) {
    hash.update(`${file}\0`).update(fs.readFileSync(at(file))).update('\0')
  }
  const { binaryen } = readJson(at('package.json')).devDependencies
  const flags = process.env.RUSTFLAGS ?? ''
  return hash.update([lockedCrate('worker'), binaryen, flags, PROFILE].join('\0')).digest('hex')
}

function filesUnder(folder) {
  if (!fs.existsSync(at(folder))) return []
  return fs
    .readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(at('.'), path.join(entry.parentPath, entry.name)))
    .sort()
}
