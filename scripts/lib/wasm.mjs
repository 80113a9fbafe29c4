// WebAssembly files as far as the scripts need them: sections, the names of functions, and how long each function is.

/** The sections after the header: `{ id, name, start, body, end }`; `name` is that of a custom section. */
export function sections(bytes) {
  const found = []
  for (let at = 8; at < bytes.length; ) {
    const start = at
    const id = bytes[at++]
    const size = unsigned(bytes, at)
    const end = size.next + size.value
    const name = id === 0 ? text(bytes, size.next) : undefined
    found.push({ id, name: name?.value, start, body: name?.next ?? size.next, end })
    at = end
  }
  return found
}

/** The file without its custom sections: the names of functions and notes of the tools, which nothing needs to run. */
export function withoutCustomSections(bytes) {
  const rest = sections(bytes).filter(({ id }) => id !== 0)
  return Buffer.concat([bytes.subarray(0, 8), ...rest.map(({ start, end }) => bytes.subarray(start, end))])
}

/** Each function of the code section with its name and its bytes. */
export function functions(bytes) {
  const all = sections(bytes)
  const names = functionNames(bytes, all.find(({ name }) => name === 'name'))
  const code = all.find(({ id }) => id === 10)
  const imported = importedFunctions(bytes, all.find(({ id }) => id === 2))
  const found = []
  const count = unsigned(bytes, code.body)
  for (let nth = 0, at = count.next; nth < count.value; nth++) {
    const size = unsigned(bytes, at)
    const end = size.next + size.value
    found.push({ name: names.get(imported + nth) ?? '', code: bytes.subarray(at, end) })
    at = end
  }
  return found
}

function functionNames(bytes, section) {
  const names = new Map()
  for (let at = section?.body ?? 0; section && at < section.end; ) {
    const kind = bytes[at]
    const size = unsigned(bytes, at + 1)
    const end = size.next + size.value
    if (kind === 1) {
      const count = unsigned(bytes, size.next)
      for (let nth = 0, next = count.next; nth < count.value; nth++) {
        const index = unsigned(bytes, next)
        const name = text(bytes, index.next)
        names.set(index.value, name.value)
        next = name.next
      }
    }
    at = end
  }
  return names
}

/** How many functions are imported: they come first in the count of all functions. */
function importedFunctions(bytes, section) {
  if (!section) return 0
  let functions = 0
  const count = unsigned(bytes, section.body)
  for (let nth = 0, at = count.next; nth < count.value; nth++) {
    at = text(bytes, text(bytes, at).next).next
    const kind = bytes[at++]
    if (kind === 0) {
      functions += 1
      at = unsigned(bytes, at).next
    } else if (kind === 3) {
      at += 2
    } else if (kind === 4) {
      at = unsigned(bytes, at + 1).next
    } else {
      at = limits(bytes, kind === 1 ? at + 1 : at)
    }
  }
  return functions
}

/** Behind the limits of a table or a memory. */
function limits(bytes, at) {
  const hasMost = bytes[at] & 1
  const least = unsigned(bytes, at + 1)
  return hasMost ? unsigned(bytes, least.next).next : least.next
}

function text(bytes, at) {
  const size = unsigned(bytes, at)
  const next = size.next + size.value
  return { value: Buffer.from(bytes.subarray(size.next, next)).toString('utf8'), next }
}

/** An unsigned LEB128 number. */
function unsigned(bytes, at) {
  let [value, scale] = [0, 1]
  for (;;) {
    const byte = bytes[at++]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, next: at }
    scale *= 128
  }
}
