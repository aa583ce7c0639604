// `npm run proof -- power-cuts 5000`: records what the daemon writes under load, then simulates power cuts at random points.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { powerCuts } from '../test/power-cuts/power-cuts.ts'
import { type Recording, record } from '../test/power-cuts/recording.ts'

/** A RAM disk if Linux has one; an image takes a few megabytes. */
const IMAGES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** Number of power cuts for each recording. */
const CUTS_PER_RECORDING = 1_000
const JOBS_PER_LIFE = 80

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function sayRecording({ records, facts }: Recording): void {
  const count = (kind: string): number =>
    kind === 'write' || kind === 'sync'
      ? records.filter(({ operation }) => operation === kind).length
      : facts.filter((fact) => fact.kind === kind).length
  say(
    `recorded ${count('write')} writes, ${count('sync')} syncs; ` +
      `${count('accepted')} jobs accepted, ${count('ended')} ended, ${count('deleted')} deleted, ${count('told')} webhooks`,
  )
}

/** Returns whether no image broke a promise. */
export async function runPowerCuts(cuts: number, seed: number): Promise<boolean> {
  const again = `npm run proof -- power-cuts ${cuts} --seed ${seed}`
  say(again)
  const startedAt = performance.now()
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000)
  let done = 0
  while (done < cuts) {
    const folder = await mkdtemp(join(tmpdir(), 'foreman-power-'))
    const images = await mkdtemp(join(IMAGES, 'foreman-power-'))
    const recording = await record({ folder, seed: seed + done, jobs: JOBS_PER_LIFE })
    if (recording === null) {
      say('not run: the recorder needs Linux and a C compiler (cc)')
      return true
    }
    sayRecording(recording)
    say(`${seconds()} s`)
    const some = Math.min(CUTS_PER_RECORDING, cuts - done)
    const breaches = await powerCuts({ recording, folder: images, cuts: some, seed: seed + done })
    for (const { seed: cutSeed, record: at, problems } of breaches) {
      say(`BROKEN at record ${at}, seed ${cutSeed}\n  ${problems.slice(0, 10).join('\n  ')}`)
    }
    if (breaches.length > 0) {
      say(`kept: ${folder}; to repeat: ${again}`)
      return false
    }
    done += some
    say(`${done} power cuts, ${seconds()} s`)
    await rm(folder, { recursive: true, force: true })
    await rm(images, { recursive: true, force: true })
  }
  say(`every promise was kept over ${done} power cuts`)
  return true
}
