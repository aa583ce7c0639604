// Build of the single executable: the program's bundle inside a copy of Node (Node's SEA), with licences and service file, as
// dist/foreman-<system>-<machine>.tar.gz. For another system than this one, the Node of that system is downloaded from npm.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { BUNDLE, buildProgram } from './build-program.ts'
import { COMMAND } from './published.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** System and machine as Node names them, and the name of the download. */
const TARGETS = {
  'linux-x64': `${COMMAND}-linux-amd64`,
  'linux-arm64': `${COMMAND}-linux-arm64`,
  'darwin-arm64': `${COMMAND}-macos-arm64`,
} as const

export type Target = keyof typeof TARGETS

export const HOST = `${process.platform}-${process.arch}`

export const TARGET_NAMES = Object.keys(TARGETS)

export const isTarget = (text: string): text is Target => TARGET_NAMES.includes(text)

export interface Executable {
  /** Path of the executable, in a folder with everything that belongs to it. */
  readonly path: string
  readonly tarball: string
}

/** Builds under dist/. A release holds the tarball; its folder has the same name. */
export async function buildExecutable(target: Target): Promise<Executable> {
  const program = await buildProgram()
  const folder = join(ROOT, 'dist', TARGETS[target])
  const work = mkdtempSync(join(tmpdir(), 'foreman-executable-'))
  try {
    const node = target === HOST ? ownNode() : fetchedNode(target, work)
    // A running executable cannot be overwritten.
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const path = join(folder, COMMAND)
    makeExecutable({ main: join(program, BUNDLE), node, path, work, isNative: target === HOST })
    for (const file of ['LICENSE', 'THIRD-PARTY-LICENSES', 'sbom.cdx.json'])
      copyFileSync(join(program, file), join(folder, file))
    const service = target.startsWith('linux') ? 'foreman.service' : 'ollama-foreman.plist'
    copyFileSync(join(ROOT, 'deploy', service), join(folder, service))
    copyFileSync(join(dirname(node), '../LICENSE'), join(folder, 'NODE-LICENSE'))
    const tarball = `${folder}.tar.gz`
    execFileSync('tar', ['-czf', tarball, '-C', dirname(folder), basename(folder)])
    return { path, tarball }
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** Returns the built files with their sizes, as lines to print. */
export const sizesOf = ({ path, tarball }: Executable): string =>
  [path, tarball]
    .map((file) => `${file.slice(ROOT.length + 1)} ${(statSync(file).size / 1e6).toFixed(1)} MB\n`)
    .join('')

/** Keeps the young generation of V8's heap small, as `foreman.js` does by other means in build-program.ts. */
const SMALL_HEAP = '--max-semi-space-size=4'

interface Parts {
  readonly main: string
  readonly node: string
  readonly path: string
  readonly work: string
  /** V8's compiled code works only on one kind of machine. A cross build has none, and so takes about twice as long to start. */
  readonly isNative: boolean
}

function makeExecutable({ main, node, path, work, isNative }: Parts): void {
  const config = join(work, 'sea.json')
  const settings = {
    main,
    mainFormat: 'module',
    executable: node,
    output: path,
    disableExperimentalSEAWarning: true,
    useCodeCache: isNative,
    execArgv: [SMALL_HEAP],
  }
  writeFileSync(config, JSON.stringify(settings))
  // V8 refuses code that was compiled with other flags.
  execFileSync(process.execPath, [SMALL_HEAP, '--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  // macOS only runs a program with a valid signature; an ad-hoc signature needs no key.
  if (process.platform === 'darwin') execFileSync('codesign', ['--force', '--sign', '-', path])
}

/** The Node of the package `node`, with links resolved, because its licence is beside it. */
const ownNode = (): string =>
  createRequire(createRequire(import.meta.url).resolve('node/package.json')).resolve(`node-${HOST}/bin/node`)

/** Node of the same version for another system. npm checks the hash from its registry. */
function fetchedNode(target: Target, work: string): string {
  const spec = `node-${target}@${process.versions.node}`
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', work, spec], { encoding: 'utf8' })
  execFileSync('tar', ['-xzf', join(work, packed.trim()), '-C', work])
  return join(work, 'package/bin/node')
}
