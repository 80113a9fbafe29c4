// Static assets: the pages in web/ and the browser bundles of npm packages, gathered in web/dist. Nothing in there
// refers to another host, and no page needs inline script.
import fs from 'node:fs'
import path from 'node:path'
import { at } from './project.mjs'
import { Stop } from './run.mjs'

const DIST = at('web/dist')

/** Where each asset comes from; `edit` may change its text. */
const ASSETS = [
  { to: 'docs.html', from: 'web/docs.html' },
  { to: 'redoc.html', from: 'web/redoc.html' },
  { to: 'account.html', from: 'web/account.html' },
  { to: 'assets/account.js', from: 'web/account.js' },
  { to: 'openapi.json', from: 'web/openapi.json', edit: withoutSpace },
  { to: 'assets/docs.js', from: 'web/docs.js' },
  { to: 'assets/redoc.js', from: 'web/redoc.js' },
  { to: 'assets/pages.css', from: 'web/pages.css' },
  { to: 'assets/favicon.png', from: 'node_modules/swagger-ui-dist/favicon-32x32.png' },
  { to: 'assets/swagger-ui.css', from: 'node_modules/swagger-ui-dist/swagger-ui.css', edit: withoutSourceMap },
  { to: 'assets/swagger-ui-bundle.js', from: 'node_modules/swagger-ui-dist/swagger-ui-bundle.js', edit: withoutSourceMap },
  { to: 'assets/swagger-ui-bundle.js.LICENSE.txt', from: 'node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt' },
  { to: 'assets/redoc.standalone.js', from: 'node_modules/redoc/bundles/redoc.standalone.js', edit: (text) => withoutLogo(withoutSourceMap(text)) },
  { to: 'assets/redoc.standalone.js.LICENSE.txt', from: 'node_modules/redoc/bundles/redoc.standalone.js.LICENSE.txt' },
]

/** Fills web/dist. Files that are right already are left alone, so that a watcher sees no change. */
export function buildAssets() {
  const wanted = new Set(ASSETS.map(({ to }) => path.join(DIST, to)))
  for (const { to, from, edit } of ASSETS) {
    const bytes = edit ? Buffer.from(edit(fs.readFileSync(at(from), 'utf8'))) : fs.readFileSync(at(from))
    const file = path.join(DIST, to)
    if (fs.existsSync(file) && fs.readFileSync(file).equals(bytes)) continue
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, bytes)
  }
  for (const entry of fs.readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && !wanted.has(file)) fs.rmSync(file)
  }
}

/** The document is committed to be read line by line, and served to be read by machines. */
function withoutSpace(text) {
  return JSON.stringify(JSON.parse(text))
}

function withoutSourceMap(text) {
  return text.replace(/\n?(\/\/# sourceMappingURL=\S+|\/\*# sourceMappingURL=\S+ ?\*\/)\s*$/, '\n')
}

/** ReDoc shows its maker's logo from a CDN; an address that cannot load makes it leave the picture out. */
function withoutLogo(text) {
  const logo = '"https://cdn.redoc.ly/redoc/logo-mini.svg"'
  if (text.split(logo).length !== 2) throw new Stop('this version of redoc names its logo elsewhere: look at scripts/lib/assets.mjs')
  return text.replace(logo, '"data:,"')
}
