// Runs the fuzz targets of test/fuzz/targets/ for a bounded time: `npm run fuzz -- [--for 60s] [--seed N] [NAME…]`.
// Prints its seed, the number of cases of each target and, for a failure, the case and the command that repeats it.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzz, targetsIn } from '../test/fuzz/runner.ts'
import { durationOf } from './duration.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n`)
  process.exit(2)
}

function seedOf(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    refuse(`--seed must be a whole number of at most nine digits, not ${JSON.stringify(text)}`)
  return Number(text)
}

const { values, positionals } = parseArgs({
  options: {
    for: { type: 'string', default: '60s' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    targets: { type: 'string', default: join(import.meta.dirname, '../test/fuzz/targets') },
  },
  allowPositionals: true,
})
const all = targetsIn(values.targets)
const unknown = positionals.find((name) => !all.some((target) => target.name === name))
const names = all.map(({ name }) => name).join(', ')
if (unknown !== undefined) refuse(`unknown fuzz target ${JSON.stringify(unknown)}; known: ${names}`)
const targets = positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name))
if (targets.length === 0) refuse(`no fuzz target in ${values.targets}`)

const seed = seedOf(values.seed)
say(`seed ${seed}, ${values.for}: ${targets.map(({ name }) => name).join(', ')}`)
const { cases, failures } = await fuzz({ targets, seed, totalMs: durationOf('--for', values.for) })
for (const [name, count] of cases) say(`${name}: ${count} cases`)
for (const { name, seed: turnSeed, text } of failures) {
  say(`\nFAILED ${name}, seed ${turnSeed}\n${text}`)
  say(`once more: npm run fuzz -- --for ${values.for} --seed ${turnSeed} ${name}`)
}
process.exitCode = failures.length === 0 ? 0 : 1
