// Wrangler's own commands.
import { run } from './run.mjs'
import { LOCAL, lookUp, migrations } from './storage.mjs'

const inherit = ['inherit', 'inherit', 'inherit']

/** Runs wrangler with our terminal, so that it can ask and log in. */
export const wrangler = (args) => run('wrangler', args, { stdio: inherit, failure: `wrangler ${args.slice(0, 3).join(' ')} failed; look at the lines above.` })

/** Brings the local database up to date; a word about what it did. */
export async function migrateLocal() {
  const files = migrations().map(({ name }) => name)
  const applied = new Set(await lookUp('SELECT name FROM d1_migrations'))
  const missing = files.filter((name) => !applied.has(name))
  if (missing.length === 0) return `${files.length} applied already`
  await run('wrangler', ['d1', 'migrations', 'apply', 'DB', '--local', '--persist-to', LOCAL], {
    env: { CI: '1' }, // it would ask whether to go on
    failure: 'the local database could not be migrated; look at the lines above. `rm -r .wrangler/state` starts afresh.',
  })
  return `applied ${missing.join(', ')}`
}
