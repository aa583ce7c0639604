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
  const append = (path: string, code: string): void => {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    appendFileSync(join(copy, path), `${code}\n`)
  }

  beforeAll(async () => {
    for (const path of ['src', 'scripts', 'package.json', 'tsconfig.json'])
      cpSync(join(ROOT, path), join(copy, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    append('src/protocol/violation.ts', "import 'node:fs'")
    append('src/client/violation.ts', "import '../daemon/runtime/clock.ts'")
    append(
      'src/daemon/domain/violation.ts',
      "import 'node:fs'\nimport type { HttpContext } from '../http/context.ts'\nexport type It = HttpContext",
    )
    append('src/daemon/roomless.ts', 'export const one = 1')
    append('docs/prose.md', 'This is no file.')
    append('src/protocol/prose.ts', '// Ends when he leaves.')
    append('src/protocol/twice.ts', 'export interface TwiceDefined {}')
    append('src/client/twice.ts', 'type TwiceDefined = string')
    append(
      'src/daemon/sqlite/violation.ts',
      "import '../http/respond.ts'\nimport './violation-too.ts'\nexport const one = 1",
    )
    append('src/daemon/sqlite/violation-too.ts', "import { one } from './violation.ts'\nexport const two = one")
    append('src/daemon/ollama/violation.ts', "import '../sqlite/thread.ts'")
    append(
      'src/daemon/services/violation.ts',
      "import '../sqlite/thread.ts'\nimport '../http/context.ts'\nexport const home = process.env['HOME']",
    )
    append(
      'src/daemon/http/violation.ts',
      "import '../ollama/send.ts'\nimport type { DatabaseSync } from 'node:sqlite'\nexport type Db = DatabaseSync",
    )
    append('src/daemon/http/violation.ts', 'server.listen(80)\nstore.apply(it)\nreq.headersDistinct\nsetTimeout(it, 1)')
    append('src/daemon/config/violation.ts', "import '../domain/job.ts'\nimport './nowhere.ts'")
    append('src/cli/violation.ts', "import '../daemon/daemon.ts'\nimport 'undici'")
    append('src/protocol/long.ts', '// line\n'.repeat(401))
    append(
      'docs/violation.md',
      'npx foreman ps\nnpm install @me/foreman-client\ndocker build -t foreman:1 .\nhttps://github.com/me/foreman',
    )
    append(
      'docs/right.md',
      'npx ollama-foreman ps\nnpm i foreman-ai-sdk@1\nnpm exec --no -- foreman ps\nimage: ollama-foreman:1',
    )
    found = await violationsIn(copy)
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  it.each([
    'src/protocol/violation.ts imports node:fs: protocol is what daemon and client both know',
    'src/client/violation.ts imports src/daemon/runtime/clock.ts: client runs on Node, Bun and browsers',
    'src/daemon/domain/violation.ts imports node:fs: domain is pure: decisions about jobs',
    'src/daemon/domain/violation.ts imports src/daemon/http/context.ts: domain is pure: decisions about jobs',
    'src/daemon/roomless.ts lies in a folder that has no import rule',
    'the type TwiceDefined is defined in src/client/twice.ts and src/protocol/twice.ts: one name has one meaning',
    'src/daemon/sqlite/violation.ts imports src/daemon/http/respond.ts: sqlite alone knows SQLite',
    'src/daemon/sqlite/violation-too.ts, src/daemon/sqlite/violation.ts import each other in a circle',
    'src/daemon/ollama/violation.ts imports src/daemon/sqlite/thread.ts: ollama alone talks to the target',
    'src/daemon/services/violation.ts imports src/daemon/sqlite/thread.ts: services are the loops',
    'src/daemon/services/violation.ts imports src/daemon/http/context.ts: services are the loops',
    'src/daemon/services/violation.ts:3: only config/ and cli/ read the environment and the arguments',
    'src/daemon/http/violation.ts imports src/daemon/ollama/send.ts: http answers callers',
    'src/daemon/http/violation.ts:2: only sqlite/ imports SQLite',
    'src/daemon/http/violation.ts:4: only server.ts listens',
    'src/daemon/http/violation.ts:5: only sqlite/ changes jobs: http enqueues and reads',
    'src/daemon/http/violation.ts:6: headersDistinct is not used: it builds all headers again at each read',
    'src/daemon/http/violation.ts:7: only the injected clock reads time or starts timers',
    'src/daemon/config/violation.ts imports src/daemon/domain/job.ts: config reads settings',
    'src/daemon/config/violation.ts imports ./nowhere.ts, which is not there',
    'src/cli/violation.ts imports src/daemon/daemon.ts: cli goes through the client',
    'docs/violation.md:1: "foreman" is misspelled: the npm package is one of ollama-foreman, foreman-client, foreman-ai-sdk',
    'docs/violation.md:2: "@me/foreman-client" is misspelled: the npm package is one of ollama-foreman, foreman-client, foreman-ai-sdk',
    'docs/violation.md:3: "foreman:1" is misspelled: the image is ollama-foreman',
    'docs/violation.md:4: "https://github.com/me/foreman" is misspelled: the address of the repository comes from scripts/published.ts',
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
    expect(found).toContainEqual(expect.stringMatching(/^src\/cli\/violation\.ts imports node_modules\/undici\//))
  })
})

it('a check of the import rules that finds no source file fails', async () => {
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
