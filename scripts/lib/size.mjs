// How large the built Worker is, and what each part of it weighs.
import fs from 'node:fs'
import { gzipSync } from 'node:zlib'
import { at } from './project.mjs'
import { functions, sections } from './wasm.mjs'

/** What worker-build makes around the WebAssembly. */
export const GLUE = 'build/glue.js'
/** The files that are deployed. */
export const DEPLOYED = ['build/index.js', GLUE, 'build/index_bg.wasm']
/** The same WebAssembly with the names of its functions. */
export const NAMED = 'build/named.wasm'

export const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length

/** Bytes of what is deployed. */
export function builtSize() {
  const files = DEPLOYED.map((file) => fs.readFileSync(at(file)))
  const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)
  return { bytes: sum(files.map((file) => file.length)), gzip: sum(files.map(gzip)) }
}

/**
 * What the parts weigh, the heaviest first: `{ name, functions, bytes, gzip }`. A part is a crate, a folder of src/, or the
 * constants of all of them. Code that is generic over somebody's type counts for that type's crate. Each part is
 * compressed by itself, so the sum is larger than the whole.
 */
export function parts() {
  const bytes = fs.readFileSync(at(NAMED))
  const groups = new Map()
  for (const { name, code } of functions(bytes)) {
    const part = partOf(name)
    groups.set(part, [...(groups.get(part) ?? []), code])
  }
  const data = sections(bytes).find(({ id }) => id === 11)
  groups.set('constants (texts, SQL, tables)', [bytes.subarray(data.body, data.end)])
  groups.set('JavaScript around it', [fs.readFileSync(at(GLUE))])
  return [...groups]
    .map(([name, code]) => ({ name, functions: code.length, bytes: code.reduce((sum, one) => sum + one.length, 0), gzip: gzip(Buffer.concat(code)) }))
    .sort((a, b) => b.gzip - a.gzip)
}

/** The crate of a function by its name, for ours with the folder: `edgedesk::api`. */
function partOf(name) {
  const path = name.match(/^(?:<|&|\[|\(|mut |dyn |\*const |\*mut )*([a-z_][a-z_0-9]*)(?:\[[0-9a-f]+\])?::([a-z_0-9]+)?/)
  if (!path) return 'others'
  return path[1] === 'edgedesk' ? `src/${path[2] ?? 'lib'}` : path[1]
}
