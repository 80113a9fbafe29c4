// Asking whether a port is free and whether a server is well.
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stop } from './run.mjs'

/** Refuses a port that something listens on; `another` is a command line that takes another one. */
export async function needFreePort(port, host, another) {
  const error = await new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', resolve)
    server.listen(port, host, () => server.close(() => resolve()))
  })
  if (!error) return
  const why = error.code === 'EADDRINUSE' ? 'is in use: stop what uses it' : `cannot be opened (${error.code}): use another address`
  throw new Stop(`port ${port} on ${host} ${why}, or take another port: ${another}`)
}

/** A port that nothing listens on. */
export function freePort(host) {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Waits until GET `url` answers 200. Gives up after `seconds`, or when `over()` says that there is no hope. */
export async function answers(url, seconds, over = () => false) {
  const until = performance.now() + seconds * 1000
  let last = 'nothing'
  while (performance.now() < until && !over()) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
      if (response.ok) return
      last = `${response.status} ${(await response.text()).slice(0, 500)}`
    } catch (error) {
      last = error.cause?.code ?? error.message
    }
    await sleep(100)
  }
  throw new Stop(`${url} does not answer 200 within ${seconds} s (last: ${last})`)
}
