// Owns the long run of the proof: a seeded storm of kills, faults and clients against the real daemon, judged at its end.
// `npm run proof -- --cycles 200 --seed 7`; what went wrong is kept, with the seed that leads there again.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { check, report } from '../test/proof/checker.ts'
import { figuresOf } from '../test/proof/figures.ts'
import { storm } from '../test/proof/storm.ts'
import { World } from '../test/proof/world.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    plant: { type: 'string' },
  },
})

const whole = (name: string, text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  process.stderr.write(`--${name} must be a whole number, not ${JSON.stringify(text)}\n`)
  process.exit(2)
}

const cycles = whole('cycles', values.cycles)
const seed = whole('seed', values.seed)
const folder = await mkdtemp(join(tmpdir(), `foreman-proof-${seed}-`))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

say(`seed ${seed}, ${cycles} kills, ${folder}`)
const startedAt = performance.now()
const world = await World.start({ folder, plant: values.plant ?? null })
try {
  const onCycle = (done: number): void => {
    if (done % 20 === 0) say(`${done} kills, ${Math.round((performance.now() - startedAt) / 1000)} s`)
  }
  const { history, isQuiet } = await storm(world, { seed, cycles, onCycle })
  const violations = check(history)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  for (const [name, value] of Object.entries(figuresOf(history))) say(`${name}: ${value}`)
  say(`seconds: ${seconds}`)
  if (!isQuiet) say('not quiet within the bound')
  if (violations.length > 0 || !isQuiet) {
    await writeFile(join(folder, 'history.json'), JSON.stringify(history))
    say(report(violations))
    say(`${violations.length} violations; npm run proof -- --cycles ${cycles} --seed ${seed}; kept: ${folder}`)
    process.exitCode = 1
  } else {
    say('every promise was kept')
  }
} finally {
  await world.end()
  if (process.exitCode === undefined) await rm(folder, { recursive: true, force: true })
}
