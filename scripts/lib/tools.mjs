// What a build needs beside npm: Rust with the wasm target, worker-build and wasm-bindgen in the versions that Cargo.lock
// names. Both are looked for on PATH, then in the shared tool folder, and built there by cargo when missing.
import fs from 'node:fs'
import path from 'node:path'
import { TOOLS, lockedCrate } from './project.mjs'
import { Stop, output, run, say } from './run.mjs'

const TARGET = 'wasm32-unknown-unknown'

/** Makes sure that everything is there; returns the paths of the two tools. */
export async function setUp() {
  await rust()
  const bindgenVersion = lockedCrate('wasm-bindgen')
  return {
    // worker-build, the crate `worker` and its JavaScript shim are released together.
    workerBuild: await cargoTool('worker-build', 'worker-build', lockedCrate('worker'), ['--locked'], openSsl),
    // Not --locked: its own lock file names crate versions that registries may no longer offer.
    wasmBindgen: await cargoTool('wasm-bindgen', 'wasm-bindgen-cli', bindgenVersion, ['--no-default-features', '--bin', 'wasm-bindgen']),
  }
}

/** The S3 server of others that the tests hold our signatures against; tests/api/s3.rs looks for it here. */
export function s3Server() {
  return cargoTool('s3s-fs', 's3s-fs', '0.14.1', ['--features', 'binary'])
}

async function rust() {
  if (!output('cargo', ['--version'])) {
    throw new Stop("Rust is missing. Install it with:\n  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y")
  }
  if (process.platform !== 'win32' && !output('cc', ['--version'])) {
    throw new Stop(`a C compiler is missing (Rust links with cc). Install it with:\n  ${packages('build-essential', 'gcc', '', 'xcode-select --install')}`)
  }
  const sysroot = output('rustc', ['--print', 'sysroot'])
  if (sysroot && fs.existsSync(path.join(sysroot, 'lib/rustlib', TARGET))) return
  if (!output('rustup', ['--version'])) {
    throw new Stop(`this Rust has no ${TARGET} target, and rustup, which would add it, is missing. Install Rust from https://rustup.rs`)
  }
  await run('rustup', ['target', 'add', TARGET])
}

/** worker-build links OpenSSL, so building it needs the headers. */
function openSsl() {
  if (output('pkg-config', ['--exists', '--print-errors', 'openssl']) !== undefined) return
  const line = packages('pkg-config libssl-dev', 'pkgconf-pkg-config openssl-devel', 'pkgconf openssl', 'brew install pkgconf openssl@3')
  throw new Stop(`pkg-config or the OpenSSL headers are missing (worker-build links OpenSSL). Install them with:\n  ${line}`)
}

function packages(debian, fedora, arch, mac) {
  if (process.platform === 'darwin') return mac
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  if (fs.existsSync('/etc/fedora-release')) return `${sudo}dnf install -y ${fedora}`
  if (fs.existsSync('/etc/arch-release')) return `${sudo}pacman -S --needed ${arch || 'base-devel'}`
  return `${sudo}apt-get install -y ${debian}`
}

async function cargoTool(program, crate, version, flags, check = () => {}) {
  const isRight = (file) => output(file, ['--version'])?.split(' ').at(-1) === version
  if (isRight(program)) return program
  const root = path.join(TOOLS, `${program}-${version}`)
  const file = path.join(root, 'bin', program)
  if (isRight(file)) return file
  check()
  say(`  ${crate} ${version} is built once for all clones; this takes some minutes`)
  fs.mkdirSync(root, { recursive: true })
  await run('cargo', ['install', crate, '--version', version, ...flags, '--root', root], {
    env: {
      // The tool is not this project: nothing that steers our own build may steer its.
      ...{ CARGO_TARGET_DIR: undefined, CARGO_BUILD_TARGET: undefined, RUSTFLAGS: undefined },
      // It runs for seconds and is built once: a full optimisation takes longer than it ever saves.
      ...{ CARGO_PROFILE_RELEASE_OPT_LEVEL: '1', CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16' },
    },
    failure: `cargo could not build ${crate} ${version}; look at the lines above.`,
  })
  if (!isRight(file)) throw new Stop(`${file} is not ${crate} ${version}`)
  return file
}
