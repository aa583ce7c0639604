// Tests of the client matrix. The scenarios are run and compared with the baseline, and the results are saved in one file for each
// language. docs/client-matrix.md is rendered from these files. A run with other results than the saved ones fails.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { allSettled } from './all-settled.ts'
import { BASELINE } from './baseline.ts'
import { type ClientMode, nameOf } from './client-mode.ts'
import { rendered } from './document.ts'
import { isWorse, read, written } from './outcome.ts'
import { SCENARIOS } from './scenario.ts'
import { runScenario, type ScenarioResult } from './scenario-run.ts'

const RESULTS = join(import.meta.dirname, 'results')
const CLASSES = join(import.meta.dirname, 'error-classes')
const DOCUMENT = join(import.meta.dirname, '../../../docs/client-matrix.md')

/** Client mode, then scenario, then the text of the cell. */
export type Results = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Declares the tests of all cells for these client modes. `part` names the file of results: `javascript`, `python`. */
export function testMatrix(part: string, ways: readonly ClientMode[]): void {
  const results = new Map<string, ScenarioResult>()

  beforeAll(async () => {
    // ollama-js and ollama-ai-provider-v2 print each line that they drop.
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await allSettled(
      SCENARIOS.map(async (scenario) => {
        const modes = ways.filter((way) => scenario.appliesTo?.(way) ?? true)
        for (const [way, result] of await runScenario(scenario, modes)) {
          results.set(`${way}: ${scenario.name}`, result)
        }
      }),
    )
  })

  const cells = SCENARIOS.flatMap(({ name, appliesTo, baseline }) =>
    ways.filter((way) => appliesTo?.(way) ?? true).map((way) => [nameOf(way), name, baseline(way)] as const),
  )

  test.for(cells)('%s in scenario: %s', ([way, scenario, column]) => {
    const { cell, result } = results.get(`${way}: ${scenario}`) ?? expect.fail('it was not run')
    expect(cell.outcome, JSON.stringify(result)).not.toBe('✗silent')
    const expected = BASELINE.get(`${way}: ${column}`)
    if (expected === undefined) return
    expect(
      isWorse(cell, read(expected)),
      `${written(cell)} (${JSON.stringify(result)}), the baseline is ${expected}`,
    ).toBe(false)
  })

  test('the client matrix equals the saved one (update it with vitest -u)', async () => {
    const byMode = Object.fromEntries(
      ways.map((way) => [
        nameOf(way),
        Object.fromEntries(
          cells
            .filter(([name]) => name === nameOf(way))
            .map(([name, scenario]) => {
              const result = results.get(`${name}: ${scenario}`)
              return [scenario, result === undefined ? '' : written(result.cell)]
            }),
        ),
      ]),
    )
    await expect(`${JSON.stringify(byMode, null, 2)}\n`).toMatchFileSnapshot(join(RESULTS, `${part}.json`))
    const classes = allOf(CLASSES, readdirSync(CLASSES))
    await expect(rendered({ ...others(part), ...byMode }, classes)).toMatchFileSnapshot(DOCUMENT)
  })
}

/** The saved results of the other parts. */
const others = (part: string): Results =>
  allOf(
    RESULTS,
    readdirSync(RESULTS).filter((name) => name !== `${part}.json`),
  )

/** Merges the files of a folder. If a table is in several files, each has all rows and some of the columns. */
function allOf(folder: string, names: readonly string[]): Results {
  const all: Record<string, Record<string, string>> = {}
  for (const name of names.filter((file) => file.endsWith('.json')).sort()) {
    const part = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Results
    for (const [row, cells] of Object.entries(part)) all[row] = { ...all[row], ...cells }
  }
  return all
}
