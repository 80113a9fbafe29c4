#!/usr/bin/env node
// npm run listen -- EMAIL PASSWORD [TICKET] [--after SEQ] [--url http://127.0.0.1:8787]
// Opens a socket and prints what it hears: the room of a ticket (id, uid, number or key), or everything that concerns the
// account. A line that is typed is said in the room; one that begins with { is sent as the frame that it is.
//   --after  begin after this sequence number
import readline from 'node:readline'
import { parseArgs } from 'node:util'
import { underPinnedNode } from './lib/node.mjs'
import { Stop, main, say } from './lib/run.mjs'

await main(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { after: { type: 'string' }, url: { type: 'string', default: 'http://127.0.0.1:8787' } },
  })
  const [email, password, ticket] = positionals
  if (!password) throw new Stop('npm run listen -- EMAIL PASSWORD [TICKET]')
  await underPinnedNode()
  const token = await signIn(values.url, email, password)
  const path = ticket ? `room/${encodeURIComponent(ticket)}` : 'ws'
  const query = values.after ? `?last_seq=${encodeURIComponent(values.after)}` : ''
  const address = `${values.url}/api/v1/messages/${path}${query}`
  const socket = new WebSocket(address.replace(/^http/, 'ws'), ['bearer', token])
  let isOpen = false
  socket.onmessage = ({ data }) => console.log(data)
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', (line) => line.trim() && socket.send(line.startsWith('{') ? line : JSON.stringify({ type: 'message', body: line })))
  await new Promise((resolve, reject) => {
    socket.onopen = () => {
      isOpen = true
      say(ticket ? `in the room of ${ticket}` : `everything that concerns ${email}`)
    }
    socket.onclose = ({ code, reason }) =>
      isOpen ? reject(new Stop(`closed: ${code} ${reason}`)) : refusal(address, token).then((words) => reject(new Stop(`not opened: ${words}`)), reject)
  })
})

/** Why a socket was not opened: WebSocket does not tell, the same request over HTTP does. */
async function refusal(address, token) {
  const response = await fetch(address, { headers: { Authorization: `Bearer ${token}` } })
  const { message } = await response.json()
  return response.status === 426 ? 'too many sockets, or a proxy that lets none through' : `${response.status} ${message}`
}

async function signIn(url, email, password) {
  const body = JSON.stringify({ email, password })
  const response = await fetch(`${url}/api/v1/auth/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
  const answer = await response.json()
  if (!response.ok) throw new Stop(`login as ${email}: ${answer.message}`)
  return answer.access_token
}
