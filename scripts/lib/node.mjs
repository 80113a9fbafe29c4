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

/** Runs the same command line under the pinned Node and ends as it ends; signals are handed on. Does not return. */
async function again() {
  const child = spawn(path.join(BIN, 'node'), process.argv.slice(1), {
    stdio: 'inherit',
    env: childEnv({ EDGEDESK_PARENT: String(process.pid) }),
    cwd: process.cwd(),
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const [code, signal] = await ended(child, 'node')
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 1))
}

/** Calls `gone` once when that process is no longer there. */
export function whenGone(pid, gone) {
  if (!pid) return
  const timer = setInterval(() => {
    try {
      process.kill(pid, 0)
    } catch {
      clearInterval(timer)
      gone()
    }
  }, 300)
  timer.unref()
}
