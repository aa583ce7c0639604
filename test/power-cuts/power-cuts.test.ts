// Power cuts at random points of a recorded run of the daemon. The long run is `npm run proof -- power-cuts 5000`.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { MutantName } from '../proof/mutants.ts'
import { type Breach, powerCuts, withoutSyncs } from './power-cuts.ts'
import { type Recording, record } from './recording.ts'

const CUTS = 60
/** Long enough for a machine that is many times slower. */
const TIMEOUT_MS = 600_000

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-power-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function recordingOf(mutant?: MutantName): Promise<Recording | null> {
  return record({ folder: await temporaryFolder(), seed: 5, jobs: 8, ...(mutant === undefined ? {} : { mutant }) })
}

const breachesOf = async (recording: Recording, maxBreaches = 3): Promise<readonly Breach[]> =>
  powerCuts({ recording, folder: await temporaryFolder(), cuts: CUTS, seed: 5, maxBreaches })

describe('a power cut', () => {
  it('loses nothing that was acknowledged and damages nothing', { timeout: TIMEOUT_MS }, async ({ skip }) => {
    const recording = await recordingOf()
    if (recording === null) return skip('the recorder needs Linux and a C compiler')
    expect(await breachesOf(recording)).toEqual([])
    expect(recording.facts.filter(({ kind }) => kind === 'accepted').length).toBeGreaterThanOrEqual(16)
    // The same on disks that lose data which they claim to have synced: the checker must find it.
    for (const file of ['wal', 'database'] as const) {
      expect(await breachesOf(withoutSyncs(recording, file), 1)).not.toEqual([])
    }
  })

  it('is detected to lose data with a mutant that syncs no commit', { timeout: TIMEOUT_MS }, async ({ skip }) => {
    const recording = await recordingOf('no commit is synced')
    if (recording === null) return skip('the recorder needs Linux and a C compiler')
    const [breach] = await breachesOf(recording, 1)
    expect(breach?.problems.join('\n')).toMatch(/is lost|had ended/)
  })
})
