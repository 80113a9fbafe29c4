// The pages behind links in mails. Nothing happens before the button is pressed, so programs that follow links change
// nothing; the token stands behind the #, where no server sees it, but for the link that stops mails.
const pages = {
  'reset-password': {
    title: 'Set a new password',
    button: 'Set the password',
    asksPassword: true,
    send: (token, password) => post('/api/v1/auth/reset-password', { token, password }),
  },
  'verify-email': {
    title: 'Confirm your address',
    button: 'This is my address',
    send: (token) => post('/api/v1/auth/verify-email', { token }),
  },
  rate: {
    title: 'How did we do?',
    button: 'Send my rating',
    asksScore: true,
    send: (token) => {
      const comment = form.comment.value.trim()
      return post('/api/v1/rate', { token, score: Number(form.score.value), ...(comment && { comment }) })
    },
  },
  unsubscribe: {
    title: 'Stop these mails',
    button: 'No more mails of this kind',
    send: (token) => post(`/api/v1/notifications/unsubscribe?token=${encodeURIComponent(token)}`),
  },
}

const page = pages[location.pathname.replace(/\/+$/, '').split('/').pop()]
const token =
  new URLSearchParams(location.hash.slice(1)).get('token') ?? new URLSearchParams(location.search).get('token')
const [heading, status, form] = ['h1', '[role=status]', 'form'].map((name) => document.querySelector(`#account ${name}`))
const [label, input, button] = ['label', 'input', 'button'].map((name) => form.querySelector(name))

heading.textContent = page.title
document.title = page.title
if (token) {
  form.hidden = false
  label.hidden = !page.asksPassword
  input.required = Boolean(page.asksPassword)
  form.querySelector('fieldset').hidden = !page.asksScore
  for (const score of form.querySelectorAll('[type=radio]')) score.required = Boolean(page.asksScore)
  button.textContent = page.button
} else {
  status.textContent = 'This link is not complete: please open it from the mail again.'
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  button.disabled = true
  status.textContent = ''
  const { done, message } = await page.send(token, input.value)
  status.textContent = message
  button.disabled = false
  form.hidden = done
})

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: body && { 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    })
    const said = await answer.json()
    const wrong = Object.entries(said.errors ?? {}).map(([field, words]) => `${field} ${words.join(', ')}`)
    return { done: answer.ok, message: wrong.length > 0 ? `The ${wrong.join('; the ')}.` : `${said.message}.` }
  } catch {
    return { done: false, message: 'The desk did not answer; please try again.' }
  }
}
