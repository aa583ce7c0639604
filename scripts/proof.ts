// Long run of the reliability proof: a seeded run of random kills, faults and clients against the real daemon, checked
// at its end. `npm run proof -- --cycles 200 --seed 7`; a failed run is kept, with the seed that repeats it.
// `--planted` tests whether the checker finds each planted bug.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { check, report } from '../test/proof/checker.ts'
import { figuresOf } from '../test/proof/figures.ts'
import { catchPlant, harmlessFindings } from '../test/proof/planted-storm.ts'
import { HARMLESS, PLANTS, type PlantName } from '../test/proof/plants.ts'
import { storm } from '../test/proof/storm.ts'
import { World } from '../test/proof/world.ts'
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
async function longStorm(seed: number, cycles: number): Promise<boolean> {
  const folder = await temporaryFolder(seed)
  const again = `npm run proof -- --cycles ${cycles} --seed ${seed}`
  say(`${again}\n${folder}`)
  const startedAt = performance.now()
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000)
  const world = await World.start({ folder })
  let isKept = false
  try {
    const onCycle = (done: number): void => {
      if (done % 20 === 0) say(`${done} kills, ${seconds()} s`)
    }
    const { history, isQuiet } = await storm(world, { seed, cycles, onCycle })
    const violations = check(history)
    for (const [name, value] of Object.entries(figuresOf(history))) say(`${name}: ${value}`)
    say(`seconds: ${seconds()}`)
    isKept = violations.length === 0 && isQuiet
    if (!isQuiet) say('the daemon was not idle within the time limit')
    if (violations.length > 0) say(report(violations))
    if (!isKept) await writeFile(join(folder, 'history.json'), JSON.stringify(history))
  } finally {
    await world.end()
    if (isKept) await rm(folder, { recursive: true, force: true })
    else say(`kept: ${folder}; to repeat: ${again}`)
  }
  if (isKept) say('every promise was kept')
  return isKept
}

/** Returns whether each planted bug was found, and nothing was found in the harmless changes. */
async function plantedBugs(): Promise<boolean> {
  let wrong = 0
  const folder = await temporaryFolder('planted')
  let storms = 0
  const createWorld = (plant: PlantName): Promise<World> => {
    storms += 1
    return World.start({ folder: join(folder, String(storms)), plant })
  }
  // Object.keys loses the type of the names.
  for (const name of Object.keys(PLANTS) as (keyof typeof PLANTS)[]) {
    storms = 0
    const caught = await catchPlant(name, createWorld)
    if (caught === null) wrong += 1
    say(`${caught === null ? 'MISSED' : `caught by ${caught}`}, storms: ${storms}: ${name}`)
    await rm(folder, { recursive: true, force: true })
  }
  for (const name of Object.keys(HARMLESS) as (keyof typeof HARMLESS)[]) {
    const found = await harmlessFindings(name, createWorld)
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
    planted: { type: 'boolean', default: false },
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
  return values.planted ? plantedBugs() : longStorm(seed, wholeNumber('cycles', values.cycles))
}

process.exitCode = (await prove()) ? 0 : 1
