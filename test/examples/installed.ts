// A folder of the examples as a user has it: a copy, with the client installed under its own name. The client is that
// of the sources; that the built package is the same is the matter of other tests.

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../harness.ts'

const ROOT = resolve(import.meta.dirname, '../..')
export const EXAMPLES = join(ROOT, 'examples')

/** The folder; gone after the test. */
export async function installedExamples(): Promise<string> {
  const folder = await temporaryFolder()
  // Without what somebody has installed there for himself.
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
