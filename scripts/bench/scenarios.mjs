// What is measured: for each scenario the requests that are sent in turn, who sends them, and what the first answer must be.
// Writes of which each is only possible once are asked one by one and not loaded (`load: false`).
import assert from 'node:assert/strict'
import { AGENT, CUSTOMER, RARE, V1, post } from './desk.mjs'

const TEXT = 'The printer on the third floor answers to ping, but every job stays in the queue since yesterday morning.'

/** The scenarios of a desk that is served at `url`; `tokens` are those of an admin and of a customer. */
export async function scenarios(desk, url, tokens) {
  const { tickets } = desk
  const taken = tickets.filter(({ assignee, status }) => assignee !== null && status !== 'resolved')
  // A ticket of the admin's own without a category: nobody is told of it.
  const quiet = await post(url, '/tickets', { title: 'Nobody is told', description: TEXT }, tokens.admin)
  return {
    health: { requests: [read('/health')], open: true, check: ({ status }) => assert.equal(status, 'ok') },
    'list 25': { requests: [read('/tickets')], roles: true, check: ({ data }) => assert.equal(data.length, 25) },
    'list filtered': {
      requests: taken.filter(({ status }) => status === 'in_progress').slice(0, 8).map(({ assignee }) => read(`/tickets?status=in_progress&assigned_to=${assignee}`)),
      check: ({ data }) => assert.ok(data.length > 0 && data.every(({ status }) => status === 'in_progress')),
    },
    'get one': { requests: tickets.map(({ id }) => read(`/tickets/${id}`)), check: ({ number }) => assert.equal(number, tickets[0].number) },
    'read messages': { requests: tickets.map(({ id }) => read(`/tickets/${id}/comments`)), check: ({ data }) => assert.ok(data.length >= 3) },
    search: { requests: RARE.map((word) => read(`/tickets?q=${word}`)), roles: true, check: ({ data }) => assert.ok(Array.isArray(data)) },
    'search common': { requests: ['printer', 'invoice', 'password'].map((word) => read(`/tickets?q=${word}`)), check: ({ data }) => assert.ok(data.length > 0) },
    statistics: { requests: [read('/tickets/stats/summary')], roles: true, check: ({ total }) => assert.ok(total >= tickets.length) },
    'create ticket, nobody told': {
      requests: [write('POST', '/tickets', { title: 'Opened by the bench', description: TEXT })],
      status: 201,
      check: ({ number }) => assert.match(number, /^TICK-\d{8}-\d{4,}$/),
    },
    'create ticket, assigned': {
      requests: [write('POST', '/tickets', { title: 'Opened by the bench', description: TEXT, category: 'technical' })],
      status: 201,
      load: false,
      check: ({ assignee }) => assert.ok(assignee),
    },
    'add message, nobody told': { requests: [write('POST', `/tickets/${quiet.id}/comments`, { body: TEXT })], status: 201, load: false },
    'add message, two told': {
      requests: taken.map(({ id }) => write('POST', `/tickets/${id}/comments`, { body: TEXT })),
      status: 201,
      check: ({ body }) => assert.equal(body, TEXT),
    },
    'change status, two told': {
      requests: [write('PUT', `/tickets/${taken.find(({ status }) => status === 'assigned').id}/status`, { status: 'in_progress' })],
      load: false,
      check: ({ status }) => assert.equal(status, 'in_progress'),
    },
    login: {
      requests: [AGENT, CUSTOMER].map((account) => write('POST', '/auth/login', account)),
      open: true,
      connections: 4,
      check: ({ access_token }) => assert.ok(access_token),
    },
  }
}

const read = (path) => ({ path: V1 + path })
const write = (method, path, body) => ({ method, path: V1 + path, body: JSON.stringify(body) })
