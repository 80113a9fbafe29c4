#!/usr/bin/env node
// Checks README.md, CONTRIBUTING.md and docs/:
//   node scripts/check-docs.mjs [--url http://127.0.0.1:8787] [--text]
// Reads them for dead links, commands and paths that do not exist, and lines of prose that are too long. Then runs the
// commands that stand between <!-- walk --> and <!-- /walk -->, and compares what they print with what the page says.
//   --url   run them against this server; without it, serves the build with sample data of its own
//   --text  only read: needs no build, no packages and no server
import { spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from './lib/net.mjs'
import { underPinnedNode } from './lib/node.mjs'
import { at, childEnv, readJson } from './lib/project.mjs'
import { Stop, main, step } from './lib/run.mjs'
import { seed } from './lib/sample.mjs'
import { localVars } from './lib/vars.mjs'
import { buildWorker } from './lib/worker.mjs'

const HOST = '127.0.0.1'
/** The address that the pages name. */
const DOCUMENTED = `http://${HOST}:8787`
/** Pages with commands to run, in this order. */
const WALKS = ['README.md', 'docs/tour.md']
/** Tables and code may be wider. */
const MAX_WIDTH = 120

await main(async (args) => {
  const { values } = parseArgs({ args, options: { url: { type: 'string' }, text: { type: 'boolean', default: false } } })
  if (!values.text) await underPinnedNode()
  await step('links, commands and paths in the documentation', checkText)
  if (values.text) return
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'edgedesk-walk-'))
  try {
    const url = (values.url ?? (await serve(folder))).replace(/\/$/, '')
    for (const name of WALKS) await step(`the commands of ${name}`, () => walk(name, url, folder))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  process.exit(0) // which ends workerd
})

// Reading ------------------------------------------------------------------------------------------------------

function checkText() {
  const pages = pageNames().map(readPage)
  const scripts = readJson(at('package.json')).scripts
  const wrong = pages.flatMap((page) => [
    ...tooLong(page),
    ...deadLinks(page, pages),
    ...unknownCommands(page, scripts),
    ...missingPaths(page),
  ])
  if (wrong.length > 0) throw new Stop(wrong.join('\n'))
  return `${pages.length} pages`
}

function pageNames() {
  const docs = fs.readdirSync(at('docs'), { recursive: true }).filter((name) => name.endsWith('.md'))
  return ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => `docs/${name.replaceAll('\\', '/')}`).sort()]
}

/** A page as numbered lines of prose and of code, and the anchors of its headings. */
function readPage(name) {
  const page = { name, prose: [], code: [], anchors: new Set() }
  let language
  for (const [i, text] of fs.readFileSync(at(name), 'utf8').split('\n').entries()) {
    const fence = text.match(/^\s*```(\w*)/)
    if (fence) language = language === undefined ? fence[1] : undefined
    else if (language === undefined) page.prose.push({ text, number: i + 1 })
    else page.code.push({ text, number: i + 1, language })
    if (!fence && language === undefined && /^#+ /.test(text)) addAnchor(page.anchors, text)
  }
  return page
}

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces, numbered when they repeat. */
function addAnchor(anchors, heading) {
  const words = heading.replace(/^#+ /, '').trim().toLowerCase()
  const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
  let [anchor, n] = [slug, 0]
  while (anchors.has(anchor)) anchor = `${slug}-${++n}`
  anchors.add(anchor)
}

function tooLong({ name, prose }) {
  return prose
    .filter(({ text }) => !text.trimStart().startsWith('|') && [...text].length > MAX_WIDTH)
    .map(({ number, text }) => `${name}:${number}: ${[...text].length} characters, at most ${MAX_WIDTH}`)
}

function deadLinks(page, pages) {
  const leads = (target) => {
    const [file, anchor] = target.split('#')
    const name = file === '' ? page.name : path.posix.join(path.posix.dirname(page.name), file)
    if (!fs.existsSync(at(name))) return false
    return anchor === undefined || (pages.find((other) => other.name === name)?.anchors.has(anchor) ?? false)
  }
  const links = page.prose.flatMap(({ text, number }) =>
    [...text.replace(/`[^`]*`/g, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target]) => ({ target, number })),
  )
  return links
    .filter(({ target }) => !/^[a-z]+:/.test(target) && !leads(target))
    .map(({ target, number }) => `${page.name}:${number}: dead link ${target}`)
}

/** Commands stand in blocks of `sh` and between backticks. */
function unknownCommands({ name, prose, code }, scripts) {
  const texts = [...code.filter(({ language }) => language === 'sh'), ...spans(prose)]
  return texts.flatMap(({ text, number }) => {
    const npm = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(([, named, own]) => named ?? own)
    const node = [...text.matchAll(/\bnode (scripts\/[\w./-]+)/g)].map(([, file]) => file)
    return [
      ...npm.filter((script) => !Object.hasOwn(scripts, script)).map((script) => `${name}:${number}: package.json has no script ${script}`),
      ...node.filter((file) => !fs.existsSync(at(file))).map((file) => `${name}:${number}: there is no ${file}`),
    ]
  })
}

/** A path between backticks is one of this repository. */
function missingPaths({ name, prose }) {
  return spans(prose)
    .filter(({ text }) => /^(src|tests|scripts|migrations|docs|tools)\/[\w./-]*$/.test(text) && !fs.existsSync(at(text)))
    .map(({ text, number }) => `${name}:${number}: there is no ${text}`)
}

function spans(prose) {
  return prose.flatMap(({ text, number }) => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => ({ text: span, number })))
}

// Running ------------------------------------------------------------------------------------------------------

async function serve(folder) {
  await buildWorker()
  const { serveWorker } = await import('./lib/workerd.mjs')
  const vars = localVars(path.join(folder, '.dev.vars'))
  const { url } = await serveWorker({ host: HOST, port: await freePort(HOST), persist: folder, vars, logs: false })
  await seed(url, vars.DEV_SECRET)
  return url
}

async function walk(name, url, folder) {
  const steps = readWalk(name)
  // A mark after each step separates its output from the next one's; one shell runs all of them.
  const mark = crypto.randomUUID()
  const script = steps.map(({ command }) => `${command.replaceAll(DOCUMENTED, url)}\necho\necho ${mark}`).join('\n')
  const ran = spawnSync('bash', ['--noprofile', '--norc', '-c', script], { cwd: folder, env: childEnv(), encoding: 'utf8', timeout: 120_000 })
  if (ran.error) throw new Stop(`bash could not run the commands of ${name}: ${ran.error.message}`)
  const printed = ran.stdout.split(`${mark}\n`).map((text) => text.trim())
  const wrong = steps
    .map(({ command, wanted }, i) => ({ command, wanted, have: printed[i] ?? 'nothing' }))
    .filter(({ wanted, have }) => !fits(wanted, have))
  if (wrong.length > 0) {
    // What follows a wrong step goes wrong because of it.
    const shown = wrong.slice(0, 3).map(({ command, wanted, have }) => `${command}\n  wanted: ${wanted}\n  have:   ${have}`)
    throw new Stop(`${shown.join('\n')}\n${ran.stderr.slice(0, 2_000)}`)
  }
  return `${steps.length} steps`
}

/** The commands between the two marks, each with the output that follows it; one without should print nothing. */
function readWalk(name) {
  const text = fs.readFileSync(at(name), 'utf8').split('<!-- walk -->')[1]?.split('<!-- /walk -->')[0]
  if (!text) throw new Stop(`${name} has no <!-- walk -->`)
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block.replace(/\\\n\s*/g, ''))
  const steps = []
  for (const line of blocks.flatMap((block) => block.split('\n')).filter(Boolean)) {
    if (line.startsWith('# ')) steps.at(-1).wanted = line.slice(2)
    else steps.push({ command: line, wanted: '' })
  }
  return steps
}

function fits(wanted, have) {
  const [head, ...rest] = wanted.split('...')
  if (rest.length === 0) return wanted === have
  return have.startsWith(head) && have.endsWith(rest.at(-1)) && have.length > wanted.length - 3
}
