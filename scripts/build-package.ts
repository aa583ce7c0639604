// Build of a part of src/ as its own npm package: one file of JavaScript, its types, and its manifest with the common
// version. It writes only under dist/.

import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { aiSdkManifest, clientManifest } from './manifests.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** Folders of src/ with `index.ts` and `README.md`, each with its manifest. */
const MANIFESTS = { client: clientManifest, 'ai-sdk': aiSdkManifest }

export interface Package {
  readonly part: keyof typeof MANIFESTS
}

/** Builds into `dist/<name of the package>` and returns that folder. */
export async function buildPackage({ part }: Package): Promise<string> {
  const source = join(ROOT, 'src', part)
  const manifest = MANIFESTS[part]()
  const folder = join(ROOT, 'dist', String(manifest['name']))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await build({
    entryPoints: [join(source, 'index.ts')],
    outfile: join(folder, 'index.js'),
    bundle: true,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    external: ['node:http', ...Object.keys(manifest['dependencies'] ?? {})],
    logLevel: 'warning',
  })
  writeTypes(part, join(folder, 'types'))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyFileSync(join(source, 'README.md'), join(folder, 'README.md'))
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  return folder
}

/** Writes the types of the part and of everything that it imports, in the layout of src/. */
function writeTypes(part: string, folder: string): void {
  const config = join(mkdtempSync(join(tmpdir(), 'foreman-types-')), 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    rootDir: join(ROOT, 'src'),
    outDir: folder,
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  }
  const files = [join(ROOT, 'src', part, 'index.ts')]
  writeFileSync(config, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] }))
  execFileSync(process.execPath, [join(ROOT, 'node_modules', '@typescript', 'native', 'bin', 'tsc'), '-p', config], {
    stdio: 'inherit',
    cwd: ROOT,
  })
  // The compiler keeps the endings of our imports, and users do not have the `.ts` files.
  for (const path of globSync('**/*.d.ts', { cwd: folder })) {
    const file = join(folder, path)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(from\s+'\.[^']*|import\('\.[^']*)\.ts'/g, "$1.js'"))
  }
  // Iterations are disposable, and the configured TypeScript libraries of many projects lack those types.
  const index = join(folder, part, 'index.d.ts')
  writeFileSync(index, `/// <reference lib="esnext.disposable" />\n${readFileSync(index, 'utf8')}`)
  rmSync(resolve(config, '..'), { recursive: true })
}
