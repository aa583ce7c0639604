import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { DOCUMENTS, staleDocuments, writeDocuments } from '../scripts/generate.ts'
import { KNOWN_NAMES } from '../src/daemon/config/options.ts'
import { TRANSITIONS } from '../src/daemon/domain/job.ts'
import { METRICS } from '../src/daemon/runtime/metric-table.ts'
import { ERRORS } from '../src/protocol/error.ts'
import { VERSION } from '../src/protocol/version.ts'

const ROOT = resolve(import.meta.dirname, '..')

describe('the generated documents', () => {
  const dir = mkdtempSync(join(tmpdir(), 'foreman-documents-'))
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it('equal what the code renders (if not: npm run generate)', () => {
    expect(staleDocuments(ROOT)).toEqual([])
  })

  it('are stale if they are missing or edited by hand', () => {
    expect(staleDocuments(dir)).toEqual(Object.keys(DOCUMENTS))
    writeDocuments(dir)
    expect(staleDocuments(dir)).toEqual([])
    appendFileSync(join(dir, 'docs/errors.md'), 'and one more thing\n')
    expect(staleDocuments(dir)).toEqual(['docs/errors.md'])
  })

  it('name every setting, error, event and metric', () => {
    const text = (path: string): string => DOCUMENTS[path]?.() ?? ''
    for (const name of KNOWN_NAMES) expect(text('docs/configuration.md')).toContain(name)
    for (const name of KNOWN_NAMES.filter((known) => known !== 'FOREMAN_URL'))
      expect(text('.env.example')).toContain(`${name}=`)
    for (const code of Object.keys(ERRORS)) expect(text('docs/errors.md')).toContain(`\`${code}\``)
    for (const { name } of Object.values(METRICS)) expect(text('docs/metrics.md')).toContain(`\`${name}\``)
    for (const event of Object.keys(TRANSITIONS)) expect(text('docs/job-lifecycle.md')).toContain(`\`${event}\``)
  })
})

it('the version of the documents is that of package.json', () => {
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(VERSION).toBe(version)
})
