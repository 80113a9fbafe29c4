// Asking a server one thing at a time, and loading it with requests over some connections.
import http from 'node:http'
import { cpu, percentile } from './server.mjs'

/** One answer: `{ status, body, bytes, cost }`; `cost` is what Server-Timing says of D1: trips, rows read and written. */
export async function ask(url, request, token) {
  const response = await fetch(url + request.path, { method: request.method ?? 'GET', headers: headers(request, token), body: request.body })
  const text = await response.text()
  return { status: response.status, body: text && JSON.parse(text), bytes: Buffer.byteLength(text), cost: cost(response.headers.get('Server-Timing')) }
}

function headers(request, token) {
  return {
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(request.body && { 'Content-Type': 'application/json' }),
    ...request.headers,
  }
}

/** Rows are told to staff only: NaN for everybody else. */
function cost(timing) {
  const of = (name) => Number(timing?.match(new RegExp(`\\b${name};desc="?(\\d+)`))?.[1] ?? NaN)
  return { trips: of('d1'), read: of('rows_read'), written: of('rows_written') }
}

/**
 * Sends requests in turn over some connections for some seconds. The generator runs in this process, next to workerd on the
 * same machine, so requests per second are a lower bound; CPU per request is that of workerd alone.
 */
export async function load(server, requests, { token, connections, seconds }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  const latencies = []
  let [next, refused, broken] = [0, 0, 0]
  const before = cpu(server.workerd)
  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < until) {
        const since = performance.now()
        const status = await send(server.url, requests[next++ % requests.length], token, agent)
        if (status === undefined) broken += 1
        else if (status >= 400) refused += 1
        latencies.push(performance.now() - since)
      }
    }),
  )
  const spent = performance.now() - began
  const used = cpu(server.workerd) - before
  agent.destroy()
  const done = latencies.length
  latencies.sort((a, b) => a - b)
  return { perSecond: (done / spent) * 1000, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), cpu: (used * 1000) / done, requests: done, refused, broken }
}

/** The status of the answer, read to its end; undefined when there is none. */
function send(url, request, token, agent) {
  return new Promise((resolve) => {
    const sent = http.request(url + request.path, { agent, method: request.method ?? 'GET', headers: headers(request, token) }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode)).once('error', () => resolve())
    })
    sent.once('error', () => resolve())
    sent.end(request.body)
  })
}
