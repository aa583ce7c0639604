// `npm run proof -- soak 1h`: a daemon with a heap of 256 MiB under mixed load. Fails if heap, memory or file grow.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { growthOf, isLogBounded, type Sample } from '../test/soak/growth.ts'
import { soak } from '../test/soak/soak.ts'
import { durationOf } from './duration.ts'

/** Number of samples of a run of any length. */
const SAMPLES = 60

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const mib = (value: number): string => `${value.toFixed(1)} MiB`

export async function runSoak(duration: string, seed: number): Promise<boolean> {
  const totalMs = durationOf('soak', duration)
  const folder = await mkdtemp(join(tmpdir(), 'foreman-soak-'))
  say(`npm run proof -- soak ${duration} --seed ${seed}\n${folder}`)
  say('seconds  heap  external  resident  file  log  (MiB)  CPU')
  let before: Sample | null = null
  const onSample = (sample: Sample): void => {
    const { seconds, heap, external, resident, file, log, cpuSeconds } = sample
    const cpu = (cpuSeconds - (before?.cpuSeconds ?? 0)) / Math.max(1, seconds - (before?.seconds ?? 0))
    before = sample
    const sizes = [heap, external, resident, file, log].map((value) => value.toFixed(1)).join('  ')
    say(`${seconds}  ${sizes}  ${Math.round(100 * cpu)} %`)
  }
  const { samples, actions, wrong, webhooks, died } = await soak({
    ...{ folder, seed, totalMs, sampleMs: Math.max(1_000, totalMs / SAMPLES) },
    onSample,
  })
  for (const [name, count] of actions) say(`${name}: ${count}`)
  say(`webhooks received: ${webhooks}`)
  const growths = growthOf(samples)
  for (const { measure, settled, late, isFlat } of growths) {
    say(`${measure}: ${mib(settled)} in the second third, ${mib(late)} in the last${isFlat ? '' : ': GROWS'}`)
  }
  if (!isLogBounded(samples)) say('the write-ahead log of SQLite grows without a limit')
  for (const problem of wrong) say(`wrong: ${problem}`)
  if (died !== null) say(`the daemon ended: ${died}`)
  const isKept = growths.every(({ isFlat }) => isFlat) && isLogBounded(samples) && wrong.length === 0 && died === null
  if (isKept) await rm(folder, { recursive: true, force: true })
  else say(`kept: ${folder}`)
  say(isKept ? 'flat' : 'not flat, or wrong')
  return isKept
}
