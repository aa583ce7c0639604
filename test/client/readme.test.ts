// The snippet of the client's README that sets up a receiver, compiled as a user would.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

it('the receiver snippet of the client README compiles under strict', () => {
  const readme = readFileSync(join(ROOT, 'src/client/README.md'), 'utf8')
  const snippet = [...readme.matchAll(/```ts\n(.*?)```/gs)]
    .map(([, code]) => code ?? '')
    .find((code) => code.includes('receiver:'))
  expect(snippet).toContain('secret:')
  // In the checkout, so that the types of Node are found.
  const folder = mkdtempSync(join(ROOT, 'node_modules/.readme-'))
  try {
    const client = join(ROOT, 'src/client/index.ts')
    const file = join(folder, 'snippet.ts')
    writeFileSync(file, `import { ForemanClient } from '${client}'\n${snippet}\nexport { client }\n`)
    const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noPropertyAccessFromIndexSignature']
    const module = ['--module', 'nodenext', '--target', 'esnext', '--allowImportingTsExtensions', '--types', 'node']
    const run = () =>
      execFileSync(
        join(ROOT, 'node_modules/.bin/tsc'),
        ['--ignoreConfig', ...flags, ...module, '--skipLibCheck', file],
        {
          cwd: ROOT,
          encoding: 'utf8',
        },
      )
    expect(run()).toBe('')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
