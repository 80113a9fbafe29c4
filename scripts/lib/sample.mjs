// Sample data for a desk in development. The Worker makes it (POST /dev/seed, which exists in development only), because
// it alone hashes passwords and knows what a ticket goes through; this side only asks for it.
import { Stop, say } from './run.mjs'

const ACCOUNTS = [
  ['admin@helpdesk.com', 'admin123', 'administrator'],
  ['admin@company.com', 'password', 'administrator'],
  ['manager@helpdesk.com', 'manager123', 'manager'],
  ['agent@helpdesk.com', 'agent123', 'agent'],
  ['sarah, mike, emily, david, lisa @helpdesk.com', 'agent123', 'agents of single categories'],
  ['john@example.com, jane@example.com', 'customer123', 'customers'],
]

/** Asks the running Worker for the sample data and returns its answer. */
export async function seed(url, secret) {
  const response = await fetch(`${url}/dev/seed`, { method: 'POST', headers: { 'X-Dev-Secret': secret } })
  const text = await response.text()
  if (response.status === 404) throw new Stop(`${url} has no POST /dev/seed: it answers in development and with the DEV_SECRET of .dev.vars only`)
  if (!response.ok) throw new Stop(`POST ${url}/dev/seed answered ${response.status}: ${text.slice(0, 500)}`)
  return text
}

export function showAccounts() {
  const width = Math.max(...ACCOUNTS.map(([email]) => email.length))
  for (const [email, password, role] of ACCOUNTS) say(`  ${email.padEnd(width)}  ${password.padEnd(11)}  ${role}`)
}
