// The figures of a run as tables, for the terminal and for docs/cost.md.
import fs from 'node:fs'
import { at } from '../lib/project.mjs'
import { Stop } from '../lib/run.mjs'
import { DESK, PLAN, bill, million, month, price } from './cost.mjs'
import { table } from './table.mjs'

const PAGE = 'docs/cost.md'
const [BEGIN, END] = ['<!-- bench -->', '<!-- /bench -->']

const figure = (value, digits = 0) =>
  Number.isFinite(value) ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) : '-'
const dollars = (value) => `$${value.toFixed(2)}`

/** What depends on the machine and on what else it does. */
export function speed({ tickets, seconds, connections, busy, size, started, results }) {
  const rows = results
    .filter(({ requests }) => requests)
    .map(({ name, perSecond, p50, p99, cpu }) => [name, figure(perSecond), figure(p50, 1), figure(p99, 1), figure(cpu, 3)])
  const start = started
    ? [`Start-up: ${figure(started.up)} ms from the birth of workerd to the first 200; then ${figure(started.first, 1)} ms and ${figure(started.second, 1)} ms`]
    : []
  return [
    `${figure(tickets)} tickets; ${connections} connections (login 4) for ${seconds} s; load average before: ${busy.toFixed(2)}`,
    table(['scenario', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms'], rows),
    `Worker: ${figure(size.gzip / 1000)} kB gzip (${figure(size.bytes / 1000)} kB)`,
    ...start,
  ].join('\n\n')
}

/** What is the same on every machine. */
export function counts({ idle, results }) {
  const line = (name, { trips, read, written }, bytes) => [name, figure(trips), figure(read), figure(written), figure(bytes)]
  const rows = results.map(({ name, costs, bytes }) => line(name, costs.admin, bytes))
  const others = results.flatMap(({ name, costs, bytes }) =>
    Object.entries(costs).slice(1).filter(([, cost]) => Number.isFinite(cost.read)).map(([role, cost]) => line(`${name}, by an ${role}`, cost, bytes)))
  return table(['request', 'trips', 'rows read', 'rows written', 'bytes'], [...rows, ...others, line('an idle minute', idle)])
}

/** What it costs: an ordinary million requests, and a month of a desk. */
export function money({ results, idle }) {
  const kinds = {
    requests: 'requests', cpu: 'CPU ms', read: 'rows read', written: 'rows written', kvReads: 'KV reads', queue: 'queue operations',
    objects: 'Durable Object requests',
  }
  const ordinary = million(results)
  const each = price(ordinary)
  const sum = Object.values(each).reduce((all, one) => all + one, 0)
  const used = month(results, idle)
  return [
    `An ordinary million requests costs ${dollars(sum)} at list price:`,
    table(['a million requests', 'amount', 'costs'], Object.entries(kinds).map(([kind, label]) => [label, figure(ordinary[kind]), dollars(each[kind])])),
    `A month of 10 agents, ${figure(DESK.tickets)} tickets, ${figure(DESK.messages)} messages and ${figure(DESK.reads)} reads costs ${dollars(bill(used))}:`,
    table(['a month', 'used', 'included'], Object.entries(kinds).map(([kind, label]) => [label, figure(used[kind]), figure(PLAN[kind])])),
  ].join('\n\n')
}

/** Puts the counts and costs of this run between the marks of docs/cost.md. */
export function refreshDocs(report) {
  const page = fs.readFileSync(at(PAGE), 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Stop(`${PAGE} has no ${BEGIN} and ${END}`)
  fs.writeFileSync(at(PAGE), `${before}${BEGIN}\n\n${counts(report)}\n\n${money(report)}\n\n${END}${after}`)
}
