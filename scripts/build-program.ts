// Build of the daemon and command line, and its npm package: one ESM file with the store's thread and the migrations inside,
// and the small file that starts it.

import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'
import { readMigrations } from '../src/daemon/sqlite/migration.ts'
import { requiredBuiltins, UNDICI_DEFINES, usedParts } from './bundle-plugins.ts'
import { bundledPackages } from './bundled-packages.ts'
import { licensesOf } from './licenses.ts'
import { programManifest } from './manifests.ts'
import { PROGRAM_PACKAGE } from './published.ts'
import { SBOM_FILE, sbomOf } from './sbom.ts'

const ROOT = resolve(import.meta.dirname, '..')

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node26',
  minify: true,
  logLevel: 'warning',
  define: UNDICI_DEFINES,
} as const

/** Node's own modules are required: see bundle-plugins.ts. */
const BANNER =
  "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);"

/** The program in one file. `foreman.js` starts it. */
export const BUNDLE = 'bundle.js'

/**
 * Keeps the young generation of V8's heap at 2 MiB instead of 50, at no measurable cost in CPU time: after a minute of load the
 * daemon holds 130 MiB instead of 190. It works only if it is set at run time.
 */
const SMALL_HEAP = '--semi-space-growth-factor=1'

/**
 * Node keeps compiled code beside the bundle, in a folder that only those can write who can also change the bundle. If it is not
 * writable, foreman runs without the cache. The daemon has its own folder: code is written once, and the first command must not
 * decide what is compiled for the daemon. V8 compiles for its current flags, so they are set first.
 */
const START = `#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'
const command = process.argv[2] === 'serve' ? 'serve' : 'commands'
if (command === 'serve') setFlagsFromString('${SMALL_HEAP}')
enableCompileCache({ directory: import.meta.dirname + '/cache/' + command, portable: true })
await import('./${BUNDLE}')
`

/** Builds `dist/ollama-foreman` and returns that folder. */
export async function buildProgram(): Promise<string> {
  const folder = join(ROOT, 'dist', PROGRAM_PACKAGE)
  mkdirSync(folder, { recursive: true })
  const { code, metafile: threadMetafile } = await bundleThread()
  const program = await build({
    ...COMMON,
    entryPoints: [join(ROOT, 'src/cli/main.ts')],
    format: 'esm',
    banner: { js: BANNER },
    plugins: [requiredBuiltins, usedParts(ROOT), embed(threadInside(code))],
    metafile: true,
    write: false,
  })
  const [file] = program.outputFiles
  if (file === undefined) throw new Error('esbuild wrote no file for the program')
  const inputs: Metafile['inputs'] = { ...threadMetafile.inputs, ...program.metafile.inputs }
  replace(join(folder, BUNDLE), file.text, 0o644)
  replace(join(folder, 'foreman.js'), START, 0o755)
  const packages = bundledPackages(Object.keys(inputs), ROOT)
  replace(join(folder, 'THIRD-PARTY-LICENSES'), licensesOf(packages, ROOT), 0o644)
  replace(join(folder, SBOM_FILE), sbomOf(packages, ROOT), 0o644)
  replace(join(folder, 'package.json'), `${JSON.stringify(programManifest(), null, 2)}\n`, 0o644)
  for (const name of ['README.md', 'LICENSE']) copyFileSync(join(ROOT, name), join(folder, name))
  return folder
}

/** Bundles the store's thread into one CommonJS module, with the migrations inside. */
export async function bundleThread(): Promise<{ code: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    entryPoints: [join(ROOT, 'src/daemon/sqlite/worker.ts')],
    format: 'cjs',
    plugins: [requiredBuiltins, embed(migrationsInside())],
    metafile: true,
    write: false,
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error("esbuild wrote no file for the store's thread")
  return { code: file.text, metafile }
}

/** Replaces the file in one step: a daemon that starts meanwhile reads the old one or the new one. */
function replace(path: string, text: string, mode: number): void {
  const part = `${path}.${process.pid}.part`
  writeFileSync(part, text)
  chmodSync(part, mode)
  renameSync(part, path)
}

/** A place in the source that reads a file beside it, which a bundle does not have. */
interface Embedding {
  readonly file: RegExp
  readonly before: string
  readonly after: string
}

const threadInside = (code: string): Embedding => ({
  file: /sqlite\/thread\.ts$/,
  before: "new Worker(new URL('./worker.ts', import.meta.url), {",
  after: `new Worker(${JSON.stringify(code)}, { eval: true,`,
})

const migrationsInside = (): Embedding => ({
  file: /sqlite\/migration\.ts$/,
  before:
    "const DIRECTORY = new URL('./migrations/', import.meta.url)\n\nexport function readMigrations(): Migration[] {\n",
  after: `export function readMigrations(): Migration[] {\n  return ${JSON.stringify(readMigrations())}\n  const DIRECTORY = new URL('file:///')\n`,
})

/** Rewrites the place, and fails the build if the source no longer has it. */
function embed({ file, before, after }: Embedding): Plugin {
  return {
    name: 'embed',
    setup(building) {
      building.onLoad({ filter: file }, ({ path }) => {
        const source = readFileSync(path, 'utf8')
        if (!source.includes(before)) throw new Error(`${path} no longer contains: ${before}`)
        return { contents: source.replace(before, () => after), loader: 'ts' }
      })
    },
  }
}
