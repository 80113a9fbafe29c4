// Running other programs, saying what happens, and failing with one plain sentence.
import { spawn, spawnSync } from 'node:child_process'
import { ROOT, childEnv } from './project.mjs'

/** A failure whose message is written for the person at the keyboard: shown without a stack. */
export class Stop extends Error {}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

export const say = (text = '') => process.stderr.write(`${text}\n`)

/** Announces a step, does it and says how long it took; `doing` may return a word about what it found. */
export async function step(title, doing) {
  const since = performance.now()
  say(`> ${title}`)
  const found = await doing()
  say(`  ${title}: ${typeof found === 'string' ? found : 'done'} (${seconds(since)})`)
  return found
}

/** Runs a program to its end with our terminal. Throws when it fails. Signals reach it through the terminal. */
export async function run(program, args, { env, cwd = ROOT, failure, stdio = ['ignore', 2, 2] } = {}) {
  const child = spawn(program, args, { cwd, env: childEnv(env), stdio })
  const [code, signal] = await ended(child, program)
  if (code !== 0) throw new Stop(failure ?? `${program} ${args.join(' ')} ended with ${signal ?? `status ${code}`}`)
}

/** What a program prints, trimmed; undefined when it cannot be run or fails. */
export function output(program, args, { env, cwd = ROOT } = {}) {
  const ran = spawnSync(program, args, { cwd, env: childEnv(env), encoding: 'utf8' })
  return ran.status === 0 ? ran.stdout.trim() : undefined
}

/** Resolves to [code, signal]. A program that cannot be started is a Stop. */
export function ended(child, program) {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Stop(`cannot run ${program}: ${error.message}`)))
    child.once('exit', (code, signal) => resolve([code, signal]))
  })
}

/** The whole of a script: its own failures become one line and exit status 1. */
export async function main(body) {
  try {
    await body(process.argv.slice(2))
  } catch (error) {
    const expected = error instanceof Stop || error?.code?.startsWith?.('ERR_PARSE_ARGS')
    say(`\nerror: ${expected ? error.message : error?.stack ?? error}`)
    process.exit(1)
  }
}
