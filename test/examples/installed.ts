// Copy of a folder of the examples, with the client installed under its package name, as a user has it. The client is that
// of the sources; other tests compare it with the built package.

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../harness.ts'

const ROOT = resolve(import.meta.dirname, '../..')
export const EXAMPLES = join(ROOT, 'examples')

/** Returns the folder, which is removed after the test. */
export async function installedExamples(): Promise<string> {
  const folder = await temporaryFolder()
  // Without packages that a developer has installed there.
  cpSync(EXAMPLES, folder, { recursive: true, filter: (path) => !path.includes('node_modules') })
  const client = join(folder, 'node_modules', 'foreman-client')
  mkdirSync(client, { recursive: true })
  const manifest = { name: 'foreman-client', type: 'module', exports: './index.js' }
  writeFileSync(join(client, 'package.json'), JSON.stringify(manifest))
  const source = pathToFileURL(join(ROOT, 'src/client/index.ts'))
  writeFileSync(join(client, 'index.js'), `export * from ${JSON.stringify(source)}\n`)
  symlinkSync(join(ROOT, 'node_modules/ollama'), join(folder, 'node_modules/ollama'))
  symlinkSync(join(ROOT, 'node_modules/whatwg-fetch'), join(folder, 'node_modules/whatwg-fetch'))
  return folder
}
