// The bridge from whatever Node started a script to the one that package-lock.json pins. It must run without node_modules
// and under Node 20, so it imports nothing that needs either. Call it before importing wrangler, miniflare or node:sqlite.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { BIN, ROOT, at, childEnv, readJson } from './project.mjs'
import { Stop, ended, output, run, step } from './run.mjs'

const PINNED = readJson(at('package.json')).devDependencies.node

/** Installs packages when they are missing or old, and carries on under the pinned Node. */
export async function underPinnedNode() {
  if (!packagesAreCurrent()) await step('npm packages', installPackages)
  if (process.version !== `v${PINNED}`) await again()
}

/** npm keeps what it installed in node_modules/.package-lock.json, written last: no stamp of our own is needed. */
function packagesAreCurrent() {
  const installed = at('node_modules/.package-lock.json')
  if (!fs.existsSync(installed) || !fs.existsSync(path.join(BIN, 'node'))) return false
  const have = readJson(installed).packages
  const wanted = Object.entries(readJson(at('package-lock.json')).packages).filter(([name]) => name !== '')
  return wanted.every(([name, { version, optional }]) => (have[name] ? have[name].version === version : optional))
}

async function installPackages() {
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    failure: 'npm ci failed. It needs the npm registry; look at the lines above.',
  })
  const version = output(path.join(BIN, 'node'), ['--version'])
  if (version !== `v${PINNED}`) throw new Stop(`npm installed no Node ${PINNED} (found ${version}): allow the install script of the package "node".`)
}

/** Runs the same command line under the pinned Node and ends as it ends. Does not return. */
async function again() {
  const child = spawn(path.join(BIN, 'node'), process.argv.slice(1), {
    stdio: 'inherit',
    env: childEnv({ EDGEDESK_PARENT: String(process.pid) }),
    cwd: process.cwd(),
  })
  // A terminal sends Ctrl-C to both of us; other signals come to this process alone.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  whenParentIsGone(() => child.kill('SIGTERM'))
  const [code, signal] = await ended(child, 'node')
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 1))
}

/** Calls `gone` when what started this script is gone: its half under the other Node, or npm, which hands no signal on. */
export function whenParentIsGone(gone) {
  whenGone(Number(process.env.EDGEDESK_PARENT) || (process.env.npm_lifecycle_event && process.ppid), gone)
}

/** Calls `gone` once when that process is no longer there. */
export function whenGone(pid, gone) {
  if (!pid) return
  const isParent = pid === process.ppid
  const timer = setInterval(() => {
    if (isParent ? process.ppid === pid : exists(pid)) return
    clearInterval(timer)
    gone()
  }, 300)
  timer.unref()
}

function exists(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
