// Where things are, and which versions the lock files name.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const at = (...parts) => path.join(ROOT, ...parts)
export const BIN = at('node_modules/.bin')
export const DEV_VARS = at('.dev.vars')

/** Tools that cargo builds are kept per user, so that every clone shares them. */
export const TOOLS = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'edgedesk/tools')

export const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'))

/** The version of a crate in Cargo.lock, or undefined. */
export function lockedCrate(name) {
  const lock = fs.readFileSync(at('Cargo.lock'), 'utf8')
  return lock.match(new RegExp(`^name = "${name}"\\nversion = "([^"]+)"`, 'm'))?.[1]
}

/** The environment of every child: the pinned Node and npm binaries first, cargo's after, no telemetry, no look-ups. */
export function childEnv(extra = {}) {
  const cargo = path.join(process.env.CARGO_HOME || path.join(os.homedir(), '.cargo'), 'bin')
  return {
    ...process.env,
    PATH: [BIN, process.env.PATH, cargo].join(path.delimiter),
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    ...extra,
  }
}
