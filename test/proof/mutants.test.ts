// Tests of the table of mutants: each one applies to the current source and is documented.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { applyEdits, HARMLESS_CHANGES, MUTANTS, type Mutant, POWER_CUT_MUTANTS } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('a mutant', () => {
  it.each(Object.entries<Mutant>({ ...MUTANTS, ...HARMLESS_CHANGES, ...POWER_CUT_MUTANTS }))(
    'applies to the current source: %s',
    (_name, { edits }) => {
      for (const [file, own] of Map.groupBy(edits, (edit) => edit.file)) {
        const source = readFileSync(join(ROOT, file), 'utf8')
        expect(applyEdits(source, own)).not.toBe(source)
      }
    },
  )

  it.each(Object.entries<Mutant>(MUTANTS))('is listed in docs/reliability.md: %s', (name, { caughtBy }) => {
    const row = `| ${name} | ${caughtBy.map((invariant) => `\`${invariant}\``).join(' or ')} |`
    expect(readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8')).toContain(row)
  })

  it('is rejected if its text is not in the source', () => {
    expect(() => applyEdits('const a = 1', [{ file: 'x.ts', from: 'const b', to: '' }])).toThrow(
      '0 times instead of once',
    )
  })
})
