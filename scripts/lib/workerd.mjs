// The built Worker on workerd, reached directly: neither wrangler's proxy nor Miniflare's entry worker stands in front of
// it, so tests and benchmarks meet what production meets. Import it only after `underPinnedNode`.
import fs from 'node:fs'
import { Miniflare, convertV4MiniflareOptions } from 'miniflare'
import {
  unstable_getMiniflareWorkerOptions as workerOptionsOf,
  unstable_readConfig as readConfig,
  unstable_splitSqlQuery as statementsOf,
} from 'wrangler'
import { at } from './project.mjs'
import { say } from './run.mjs'
import { databaseFile, migrations } from './storage.mjs'

/**
 * Starts workerd with the local storage of `persist`, its schema brought up to date, and returns
 * `{ url, control, mail, d1, workerd }`. `vars` come on top of [vars]; `.dev.vars` is not read.
 */
export async function serveWorker({ host, port, persist, vars = {}, config = at('wrangler.toml'), logs = true }) {
  const { workerOptions } = workerOptionsOf(config, undefined, { envFiles: [] })
  const { modulesRules, ...options } = workerOptions
  const worker = {
    ...options,
    name: 'edgedesk',
    modulesRoot: at('build'),
    modules: [
      { type: 'ESModule', path: at('build/index.js') },
      { type: 'ESModule', path: at('build/glue.js') },
      { type: 'CompiledWasm', path: at('build/index_bg.wasm') },
    ],
    bindings: { ...readConfig({ config }).vars, ...vars },
  }
  // A socket of the Worker itself would lead through Miniflare's asset router, because it has assets. A socket that
  // another worker opens for it leads straight to it, and its ASSETS binding is there all the same.
  const door = {
    name: 'door',
    modules: true,
    script: 'export default { fetch() { return new Response(null, { status: 404 }) } }',
    compatibilityDate: worker.compatibilityDate,
    unsafeDirectSockets: [{ host, port, serviceName: worker.name }],
  }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host,
      port: 0,
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      unsafeTriggerHandlers: true,
      resourcePersistencePath: persist,
      handleStructuredLogs: logs ? ({ level, message }) => say(`[${level}] ${message}`) : () => {},
      workers: [worker, door],
    }),
  )
  const entry = await miniflare.ready
  await migrate(await miniflare.getD1Database('DB'))
  return {
    url: `http://${host}:${port}`,
    control: new URL('/cdn-cgi/local/scheduled', entry).href,
    mail: new URL('/cdn-cgi/local/email', entry).href,
    d1: databaseFile(persist),
    workerd: childrenNamed('workerd'),
  }
}

/** Applies the migrations that are missing, each file in one transaction, and notes them in wrangler's own table. */
async function migrate(db) {
  await db
    .prepare(
      'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
    )
    .run()
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all()
  const applied = new Set(results.map(({ name }) => name))
  for (const { name, sql } of migrations().filter(({ name }) => !applied.has(name))) {
    const noted = db.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name)
    await db.batch([...statementsOf(sql).map((statement) => db.prepare(statement)), noted])
  }
}

/** Ids of this process's descendants with a name; empty where there is no /proc. */
function childrenNamed(name) {
  if (!fs.existsSync('/proc/self/stat')) return []
  const processes = fs
    .readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return [{ pid: Number(pid), parent: Number(parent), name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) }]
      } catch {
        return [] // ended meanwhile
      }
    })
  const descendants = (pid) => processes.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...descendants(child.pid)])
  return descendants(process.pid).filter((child) => child.name === name).map(({ pid }) => pid)
}
