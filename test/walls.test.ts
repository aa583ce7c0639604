// The rules of scripts/import-rules.ts: kept by the code as it is, and caught when they are broken.

import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { violationsIn } from '../scripts/check-imports.ts'

const ROOT = resolve(import.meta.dirname, '..')

it('the import rules hold', async () => {
  expect(await violationsIn(ROOT)).toEqual([])
})

describe('a violated import rule', () => {
  const copy = mkdtempSync(join(tmpdir(), 'foreman-walls-'))
  let found: string[] = []

  /** Adds code to a file of the copy, which may be a new one. */
  const plant = (path: string, code: string): void => {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    appendFileSync(join(copy, path), `${code}\n`)
  }

  beforeAll(async () => {
    for (const path of ['src', 'scripts', 'package.json', 'tsconfig.json'])
      cpSync(join(ROOT, path), join(copy, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    plant('src/protocol/planted.ts', "import 'node:fs'")
    plant('src/client/planted.ts', "import '../daemon/runtime/clock.ts'")
    plant(
      'src/daemon/domain/planted.ts',
      "import 'node:fs'\nimport type { HttpContext } from '../http/context.ts'\nexport type It = HttpContext",
    )
    plant('src/daemon/roomless.ts', 'export const one = 1')
    plant('docs/prose.md', 'This is no file.')
    plant('src/protocol/prose.ts', '// Ends when he leaves.')
    plant('src/protocol/twice.ts', 'export interface TwiceDefined {}')
    plant('src/client/twice.ts', 'type TwiceDefined = string')
    plant(
      'src/daemon/sqlite/planted.ts',
      "import '../http/respond.ts'\nimport './planted-too.ts'\nexport const one = 1",
    )
    plant('src/daemon/sqlite/planted-too.ts', "import { one } from './planted.ts'\nexport const two = one")
    plant('src/daemon/ollama/planted.ts', "import '../sqlite/thread.ts'")
    plant(
      'src/daemon/services/planted.ts',
      "import '../sqlite/thread.ts'\nimport '../http/context.ts'\nexport const home = process.env['HOME']",
    )
    plant(
      'src/daemon/http/planted.ts',
      "import '../ollama/send.ts'\nimport type { DatabaseSync } from 'node:sqlite'\nexport type Db = DatabaseSync",
    )
    plant('src/daemon/http/planted.ts', 'server.listen(80)\nstore.apply(it)\nreq.headersDistinct\nsetTimeout(it, 1)')
    plant('src/daemon/config/planted.ts', "import '../domain/job.ts'\nimport './nowhere.ts'")
    plant('src/cli/planted.ts', "import '../daemon/daemon.ts'\nimport 'undici'")
    plant('src/protocol/long.ts', '// line\n'.repeat(401))
    plant(
      'docs/planted.md',
      'npx foreman ps\nnpm install @me/foreman-client\ndocker build -t foreman:1 .\nhttps://github.com/me/foreman',
    )
    plant(
      'docs/right.md',
      'npx ollama-foreman ps\nnpm i foreman-ai-sdk@1\nnpm exec --no -- foreman ps\nimage: ollama-foreman:1',
    )
    found = await violationsIn(copy)
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  it.each([
    'src/protocol/planted.ts imports node:fs: protocol is what daemon and client both know',
    'src/client/planted.ts imports src/daemon/runtime/clock.ts: client runs on Node, Bun and browsers',
    'src/daemon/domain/planted.ts imports node:fs: domain is pure: decisions about jobs',
    'src/daemon/domain/planted.ts imports src/daemon/http/context.ts: domain is pure: decisions about jobs',
    'src/daemon/roomless.ts lies in a folder that has no import rule',
    'the type TwiceDefined is defined in src/client/twice.ts and src/protocol/twice.ts: one name has one meaning',
    'src/daemon/sqlite/planted.ts imports src/daemon/http/respond.ts: sqlite alone knows SQLite',
    'src/daemon/sqlite/planted-too.ts, src/daemon/sqlite/planted.ts import each other in a circle',
    'src/daemon/ollama/planted.ts imports src/daemon/sqlite/thread.ts: ollama alone talks to the target',
    'src/daemon/services/planted.ts imports src/daemon/sqlite/thread.ts: services are the loops',
    'src/daemon/services/planted.ts imports src/daemon/http/context.ts: services are the loops',
    'src/daemon/services/planted.ts:3: only config/ and cli/ read the environment and the arguments',
    'src/daemon/http/planted.ts imports src/daemon/ollama/send.ts: http answers callers',
    'src/daemon/http/planted.ts:2: only sqlite/ imports SQLite',
    'src/daemon/http/planted.ts:4: only server.ts listens',
    'src/daemon/http/planted.ts:5: only sqlite/ changes jobs: http enqueues and reads',
    'src/daemon/http/planted.ts:6: headersDistinct is not used: it builds all headers again at each read',
    'src/daemon/http/planted.ts:7: only the injected clock reads time or starts timers',
    'src/daemon/config/planted.ts imports src/daemon/domain/job.ts: config reads settings',
    'src/daemon/config/planted.ts imports ./nowhere.ts, which is not there',
    'src/cli/planted.ts imports src/daemon/daemon.ts: cli goes through the client',
    'docs/planted.md:1: "foreman" is misspelled: the npm package is one of ollama-foreman, foreman-client, foreman-ai-sdk',
    'docs/planted.md:2: "@me/foreman-client" is misspelled: the npm package is one of ollama-foreman, foreman-client, foreman-ai-sdk',
    'docs/planted.md:3: "foreman:1" is misspelled: the image is ollama-foreman',
    'docs/planted.md:4: "https://github.com/me/foreman" is misspelled: the address of the repository comes from scripts/published.ts',
    'docs/prose.md:1: "is no" is hard to read: see CONTRIBUTING.md, Prose',
    'src/protocol/prose.ts:1: "he" is hard to read: see CONTRIBUTING.md, Prose',
    'src/protocol/long.ts has 401 lines: no file has more than 400',
  ])('is reported: %s', (violation) => {
    expect(found).toContain(violation)
  })

  it('is not reported for a published name that is spelled right', () => {
    expect(found.filter((violation) => violation.startsWith('docs/right.md'))).toEqual([])
  })

  it('by a package is reported too', () => {
    expect(found).toContainEqual(expect.stringMatching(/^src\/cli\/planted\.ts imports node_modules\/undici\//))
  })
})

it('is not missed because no file was checked', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'foreman-walls-'))
  try {
    mkdirSync(join(empty, 'src'))
    writeFileSync(join(empty, 'package.json'), '{}')
    const found = await violationsIn(empty)
    expect(found).toContain('no source files found: nothing was checked')
    expect(found).toContainEqual(expect.stringContaining('looked at nothing'))
  } finally {
    rmSync(empty, { recursive: true, force: true })
  }
})
