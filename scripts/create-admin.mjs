#!/usr/bin/env node
// npm run create-admin -- --email you@example.com [--username you] [--remote] [--url https://desk.example.com]
// Writes an administrator without a password into D1, local or remote, and prints the request that sets the password:
// the Worker hashes it, so the pepper never leaves the Worker. The token works once, for a day.
import crypto from 'node:crypto'
import { parseArgs } from 'node:util'
import { underPinnedNode } from './lib/node.mjs'
import { Stop, main, output, step } from './lib/run.mjs'
import { LOCAL } from './lib/storage.mjs'
import { migrateLocal } from './lib/wrangler.mjs'

const DAY = 24 * 60 * 60 * 1000

await main(async (args) => {
  const { email, username, remote, url } = read(args)
  await underPinnedNode()
  if (!remote) await step('local database', migrateLocal)
  const token = crypto.randomBytes(32).toString('base64url')
  const place = remote ? ['--remote'] : ['--local', '--persist-to', LOCAL]
  const added = execute(place, statements(email, username, token))
  if (added !== 1) throw new Stop(`the address ${email} or the user name ${username} is taken; nothing was changed`)
  console.log(`${email} is an administrator. Set the password, within a day:

curl -X POST ${url}/api/v1/auth/reset-password -H 'Content-Type: application/json' \\
  -d '{"token":"${token}","password":"CHOOSE-ONE"}'`)
})

function read(args) {
  const { values } = parseArgs({
    args,
    options: { email: { type: 'string' }, username: { type: 'string' }, remote: { type: 'boolean', default: false }, url: { type: 'string' } },
  })
  const email = values.email ?? ''
  if (!/^[^\s@'"\\]+@[^\s@'"\\]+\.[^\s@'"\\]+$/.test(email) || email.length > 254) {
    throw new Stop('which address? npm run create-admin -- --email you@example.com')
  }
  const username = values.username ?? email.slice(0, email.indexOf('@'))
  if (!/^[\w.+-]{1,100}$/.test(username)) throw new Stop('--username wants letters, digits, dots, dashes or underscores')
  const url = values.url ?? (values.remote ? 'https://YOUR-WORKER' : `http://127.0.0.1:${process.env.PORT || 8787}`)
  return { email, username, remote: values.remote, url: url.replace(/\/$/, '') }
}

/** The account, unless its address or name is taken, and its token; the last one says how many accounts have the token. */
function statements(email, username, token) {
  const now = Date.now()
  const key = email.normalize('NFC').toLowerCase()
  const hash = crypto.createHash('sha256').update(token).digest('hex')
  return `
INSERT INTO users (uid, email, email_key, email_folded, username, username_key, username_folded, role, created_at, updated_at)
  VALUES ('${uuidv7(now)}', '${email}', '${key}', '${key}', '${username}', '${username.toLowerCase()}', '${username.toLowerCase()}', 'admin', ${now}, ${now})
  ON CONFLICT DO NOTHING;
INSERT INTO agent_profiles (user_id)
  SELECT id FROM users WHERE email_key = '${key}' AND created_at = ${now} AND password_hash IS NULL
  ON CONFLICT DO NOTHING;
INSERT INTO password_resets (token_hash, user_id, created_at, expires_at)
  SELECT '${hash}', id, ${now}, ${now + DAY} FROM users
  WHERE email_key = '${key}' AND created_at = ${now} AND password_hash IS NULL;
INSERT INTO audit_log (id, action, target_id, address, details)
  SELECT max(${now}000, coalesce((SELECT max(id) + 1 FROM audit_log), 0)), 'user.created', user_id, 'npm run create-admin', '{"fields":{"role":"admin"}}'
  FROM password_resets WHERE token_hash = '${hash}';
SELECT count(*) AS added FROM password_resets WHERE token_hash = '${hash}';`
}

function execute(place, sql) {
  const answer = output('wrangler', ['d1', 'execute', 'DB', ...place, '--yes', '--json', '--command', sql])
  const results = answer && JSON.parse(answer)
  if (!results) throw new Stop('wrangler could not write to the database. Try the same by hand to see why: npx wrangler d1 execute DB --remote --command "SELECT 1"')
  return results.at(-1).results[0].added
}

function uuidv7(now) {
  const bytes = crypto.randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = 0x70 | (bytes[6] & 0x0f)
  bytes[8] = 0x80 | (bytes[8] & 0x3f)
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}
