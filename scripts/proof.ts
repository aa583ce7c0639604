// Long run of the reliability proof: a seeded run of random kills, faults and clients against the real daemon, checked
// at its end. `npm run proof -- --cycles 200 --seed 7`; a failed run is kept, with the seed that repeats it.
// `--mutants` tests whether the checker detects each mutant.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { check, report } from '../test/proof/checker.ts'
import { detectMutant, violationsOfHarmless } from '../test/proof/mutant-run.ts'
import { HARMLESS_CHANGES, MUTANTS, type MutantName } from '../test/proof/mutants.ts'
import { runRandomKills } from '../test/proof/random-kills.ts'
import { countsOf } from '../test/proof/run-counts.ts'
import { Testbed } from '../test/proof/testbed.ts'
import { runPowerCuts } from './proof-power-cuts.ts'
import { runSoak } from './proof-soak.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  process.stderr.write(`--${name} must be a whole number, not ${JSON.stringify(text)}\n`)
  process.exit(2)
}

const temporaryFolder = (what: string | number): Promise<string> => mkdtemp(join(tmpdir(), `foreman-proof-${what}-`))

/** Returns whether every promise was kept. */
async function longRun(seed: number, cycles: number): Promise<boolean> {
  const folder = await temporaryFolder(seed)
  const again = `npm run proof -- --cycles ${cycles} --seed ${seed}`
  say(`${again}\n${folder}`)
  const startedAt = performance.now()
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000)
  const testbed = await Testbed.start({ folder })
  let isKept = false
  try {
    const onCycle = (done: number): void => {
      if (done % 20 === 0) say(`${done} kills, ${seconds()} s`)
    }
    const { history, isQuiet } = await runRandomKills(testbed, { seed, cycles, onCycle })
    const violations = check(history)
    for (const [name, value] of Object.entries(countsOf(history))) say(`${name}: ${value}`)
    say(`seconds: ${seconds()}`)
    isKept = violations.length === 0 && isQuiet
    if (!isQuiet) say('the daemon was not idle within the time limit')
    if (violations.length > 0) say(report(violations))
    if (!isKept) await writeFile(join(folder, 'history.json'), JSON.stringify(history))
  } finally {
    await testbed.end()
    if (isKept) await rm(folder, { recursive: true, force: true })
    else say(`kept: ${folder}; to repeat: ${again}`)
  }
  if (isKept) say('every promise was kept')
  return isKept
}

/** Returns whether each mutant was detected, and nothing was found in the harmless changes. */
async function checkMutants(): Promise<boolean> {
  let wrong = 0
  const folder = await temporaryFolder('mutants')
  let runs = 0
  const createTestbed = (mutant: MutantName): Promise<Testbed> => {
    runs += 1
    return Testbed.start({ folder: join(folder, String(runs)), mutant })
  }
  // Object.keys loses the type of the names.
  for (const name of Object.keys(MUTANTS) as (keyof typeof MUTANTS)[]) {
    runs = 0
    const caught = await detectMutant(name, createTestbed)
    if (caught === null) wrong += 1
    say(`${caught === null ? 'MISSED' : `detected by ${caught}`}, runs: ${runs}: ${name}`)
    await rm(folder, { recursive: true, force: true })
  }
  for (const name of Object.keys(HARMLESS_CHANGES) as (keyof typeof HARMLESS_CHANGES)[]) {
    const found = await violationsOfHarmless(name, createTestbed)
    if (found !== '') wrong += 1
    say(`${found === '' ? 'nothing found' : found}: ${name}`)
  }
  await rm(folder, { recursive: true, force: true })
  return wrong === 0
}

const { values, positionals } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    mutants: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const [what = 'kills', size] = positionals

async function prove(): Promise<boolean> {
  const seed = wholeNumber('seed', values.seed)
  if (what === 'soak') return runSoak(size ?? '1h', seed)
  if (what === 'power-cuts') return runPowerCuts(wholeNumber('power-cuts', size ?? '5000'), seed)
  if (what !== 'kills') {
    process.stderr.write(`unknown proof ${JSON.stringify(what)}; allowed: kills, power-cuts, soak\n`)
    process.exit(2)
  }
  return values.mutants ? checkMutants() : longRun(seed, wholeNumber('cycles', values.cycles))
}

process.exitCode = (await prove()) ? 0 : 1
