// The module that the platform calls. worker-build's own entry, `Entry`, makes an object and two proxies for every event,
// which is a seventh of the time of a short request; this one calls the same functions directly. Only the first event
// after a panic goes through `Entry`, because it starts the WebAssembly instance afresh.
import Entry, { Live } from './glue.js'

const calls = Entry.prototype
const state = globalThis.__worker_init_state

const handler = (name) => (event, env, context) =>
  state.criticalError ? new Entry(context, env)[name](event) : calls[name].call({ env, ctx: context }, event)

export { Live }
export default { fetch: handler('fetch'), scheduled: handler('scheduled'), queue: handler('queue'), email: handler('email') }
