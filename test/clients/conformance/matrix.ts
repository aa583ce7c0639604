// Owns the client matrix as a whole: it is performed, held against the bar, kept as one file of results for each language,
// and docs/client-matrix.md is rendered from those files. A run that differs from what is written down fails.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { BAR } from './bar.ts'
import { rendered } from './document.ts'
import { isWorse, read, written } from './outcome.ts'
import { SCENARIOS } from './scenario.ts'
import { settled } from './settling.ts'
import { type Performance, perform } from './stage.ts'
import { nameOf, type Way } from './way.ts'

const RESULTS = join(import.meta.dirname, 'results')
const CLASSES = join(import.meta.dirname, 'error-classes')
const DOCUMENT = join(import.meta.dirname, '../../../docs/client-matrix.md')

/** Way, then scenario, then the cell as it is written. */
export type Results = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Declares the tests of all cells of these ways. `part` names the file of results: `javascript`, `python`. */
export function testMatrix(part: string, ways: readonly Way[]): void {
  const performances = new Map<string, Performance>()

  beforeAll(async () => {
    // ollama-js and ollama-ai-provider-v2 print each line that they drop.
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await settled(
      SCENARIOS.map(async (scenario) => {
        const cast = ways.filter((way) => scenario.happensTo?.(way) ?? true)
        for (const [way, performance] of await perform(scenario, cast)) {
          performances.set(`${way}: ${scenario.name}`, performance)
        }
      }),
    )
  })

  const cells = SCENARIOS.flatMap(({ name, happensTo, injury }) =>
    ways.filter((way) => happensTo?.(way) ?? true).map((way) => [nameOf(way), name, injury(way)] as const),
  )

  test.for(cells)('%s: %s', ([way, scenario, injury]) => {
    const { cell, told } = performances.get(`${way}: ${scenario}`) ?? expect.fail('it was not performed')
    expect(cell.outcome, JSON.stringify(told)).not.toBe('✗silent')
    const bar = BAR.get(`${way}: ${injury}`)
    if (bar === undefined) return
    expect(isWorse(cell, read(bar)), `${written(cell)} (${JSON.stringify(told)}), the bar is ${bar}`).toBe(false)
  })

  test('the matrix is the one that is written down (vitest -u writes it anew)', async () => {
    const results = Object.fromEntries(
      ways.map((way) => [
        nameOf(way),
        Object.fromEntries(
          cells
            .filter(([name]) => name === nameOf(way))
            .map(([name, scenario]) => {
              const performance = performances.get(`${name}: ${scenario}`)
              return [scenario, performance === undefined ? '' : written(performance.cell)]
            }),
        ),
      ]),
    )
    await expect(`${JSON.stringify(results, null, 2)}\n`).toMatchFileSnapshot(join(RESULTS, `${part}.json`))
    const classes = allOf(CLASSES, readdirSync(CLASSES))
    await expect(rendered({ ...others(part), ...results }, classes)).toMatchFileSnapshot(DOCUMENT)
  })
}

/** What the other parts have written down. */
const others = (part: string): Results =>
  allOf(
    RESULTS,
    readdirSync(RESULTS).filter((name) => name !== `${part}.json`),
  )

/** The files of a folder as one. Of tables in several files, each has all rows and some of the columns. */
function allOf(folder: string, names: readonly string[]): Results {
  const all: Record<string, Record<string, string>> = {}
  for (const name of names.filter((file) => file.endsWith('.json')).sort()) {
    const part = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Results
    for (const [row, cells] of Object.entries(part)) all[row] = { ...all[row], ...cells }
  }
  return all
}
