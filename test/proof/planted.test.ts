// The checker catches bugs: a daemon with one planted in it breaks a promise in a short storm, and the right one is named.
// Those that take their time run with `npm run proof -- --planted`; that all of them still fit the source is seen here.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catchPlant } from './planted-storm.ts'
import { HARMLESS, PLANTS, type Plant, POWER_CUT_PLANTS, planted } from './plants.ts'
import { temporaryWorld } from './temporary-world.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('a planted bug', () => {
  it.each(Object.entries<Plant>({ ...PLANTS, ...HARMLESS, ...POWER_CUT_PLANTS }))(
    'fits the source: %s',
    (_name, { edits }) => {
      for (const [file, own] of Map.groupBy(edits, (edit) => edit.file)) {
        const source = readFileSync(join(ROOT, file), 'utf8')
        expect(planted(source, own)).not.toBe(source)
      }
    },
  )

  it.each(Object.entries<Plant>(PLANTS))('is in docs/reliability.md: %s', (name, { caughtBy }) => {
    const row = `| ${name} | ${caughtBy.map((invariant) => `\`${invariant}\``).join(' or ')} |`
    expect(readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8')).toContain(row)
  })

  it('is refused where its text is not in the source', () => {
    expect(() => planted('const a = 1', [{ file: 'x.ts', from: 'const b', to: '' }])).toThrow('0 times, not once')
  })

  it.each([
    'each try of a webhook has an id of its own',
    'two jobs run at once',
    'the artifacts are not written',
    'a number that watchers were told before a crash is given again',
  ] as const)('is caught: %s', { timeout: 600_000 }, async (name) => {
    const caught = await catchPlant(name, (plant) => temporaryWorld({ plant }))
    expect(PLANTS[name].caughtBy).toContain(caught)
  })
})
