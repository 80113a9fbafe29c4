// The secrets of a local Worker: random, made once, kept in a file that is never committed.
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const secret = () => crypto.randomBytes(48).toString('base64url')

/** What every local Worker needs. DEV_SECRET opens POST /dev/seed, which exists in development only. */
const fresh = () => ({ ENVIRONMENT: 'development', JWT_SECRET: secret(), PASSWORD_PEPPER: secret(), DEV_SECRET: secret() })

/** Completes the KEY=value file with what is missing (all of it, when there is no file) and returns its values. */
export function localVars(file) {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
  const present = parse(text)
  const missing = Object.entries(fresh()).filter(([name]) => !(name in present))
  if (missing.length > 0) {
    const lines = missing.map(([name, value]) => `${name}=${value}\n`).join('')
    const start = text === '' || text.endsWith('\n') ? text : `${text}\n`
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, start + lines, { mode: 0o600 })
  }
  return { ...Object.fromEntries(missing), ...present }
}

function parse(text) {
  const lines = text.split('\n').map((line) => line.match(/^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/))
  return Object.fromEntries(lines.filter(Boolean).map(([, name, value]) => [name, value.replace(/^(["'])(.*)\1$/, '$2')]))
}
