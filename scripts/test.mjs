#!/usr/bin/env node
// npm test [-- words]: everything that is checked by running. Words after -- go to cargo test, to pick tests by name.
import path from 'node:path'
import { underPinnedNode } from './lib/node.mjs'
import { Stop, main, output, run, say, step } from './lib/run.mjs'
import { checkSchema } from './lib/schema.mjs'
import { s3Server, setUp } from './lib/tools.mjs'
import { buildWorker } from './lib/worker.mjs'

const inherit = ['inherit', 'inherit', 'inherit']

await main(async (words) => {
  await underPinnedNode()
  await step('Rust, worker-build and wasm-bindgen', () => setUp().then(() => 'ready'))
  await step('s3s-fs, the S3 server that checks our signatures', () => s3Server().then(() => 'ready'))
  await step('schema', checkSchema)
  await buildWorker()
  // All of them run, so that one look shows everything that is broken.
  const failed = []
  for (const [program, ...rest] of programs(words)) {
    const name = [path.basename(program), ...rest].join(' ')
    await step(name, () => run(program, rest, { stdio: inherit })).catch((error) => {
      if (!(error instanceof Stop)) throw error
      failed.push(name)
    })
  }
  if (failed.length > 0) throw new Stop(`failed: ${failed.join(', ')}`)
  say('\nAll tests passed.')
})

/** What runs, one after the other: size, documentation and bench only when no test is picked by name. */
function programs(words) {
  const others = [['scripts/size.mjs'], ['scripts/check-docs.mjs'], ['scripts/bench/bench.mjs', '--quick']].map((script) => [process.execPath, ...script])
  return [...targets().map((target) => ['cargo', 'test', ...target, ...words]), ...(words.length > 0 ? [] : others)]
}

/** The test targets from the quickest to the slowest, as cargo names them. */
function targets() {
  const metadata = JSON.parse(output('cargo', ['metadata', '--no-deps', '--format-version', '1', '--locked']) ?? '{"packages":[]}')
  const tests = metadata.packages.flatMap((crate) => crate.targets).filter(({ kind }) => kind.includes('test'))
  const order = ['shape', 'api']
  const names = tests.map(({ name }) => name).sort((a, b) => order.indexOf(a) - order.indexOf(b))
  return [['--lib'], ...names.map((name) => ['--test', name])]
}
