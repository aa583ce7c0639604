// Cuts the power at random points of a recording, and judges each disk image that is left.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../proof/seeded-random.ts'
import { DiskModel, type Image } from './disk-model.ts'
import { judge } from './judge.ts'
import type { Recording } from './recording.ts'
import type { RecordedFile, WriteRecord } from './write-log.ts'

export interface Breach {
  /** Seed of this single cut. */
  readonly seed: number
  /** Number of the last record before the cut. */
  readonly record: number
  readonly problems: readonly string[]
}

export interface PowerCutsOptions {
  readonly recording: Recording
  /** For the images; on a RAM disk if there is one. */
  readonly folder: string
  readonly cuts: number
  readonly seed: number
  /** Stops after this many failures. */
  readonly maxBreaches?: number
  readonly onCut?: (done: number) => void
}

const SUFFIXES: Readonly<Record<RecordedFile, string>> = { database: '', wal: '-wal', journal: '-journal' }
const LEFTOVERS = ['', '-wal', '-shm', '-journal', '.lock', '.lock-journal']

export async function powerCuts(options: PowerCutsOptions): Promise<readonly Breach[]> {
  const { recording, folder, cuts, seed, maxBreaches = 3, onCut } = options
  const { records, facts, ttlMs } = recording
  const random = new SeededRandom(seed)
  const points = Array.from({ length: cuts }, () => random.integer(0, records.length - 1)).sort((one, two) => one - two)
  const model = new DiskModel()
  const breaches: Breach[] = []
  let next = 0
  for (const [done, point] of points.entries()) {
    for (; next <= point; next++) model.take(records[next] as WriteRecord)
    const { end: at, wallMs } = records[point] as WriteRecord
    const path = join(folder, 'image.db')
    const cutSeed = seed + done
    put(path, model.cut(new SeededRandom(cutSeed)))
    const problems = await judge(path, { at, wallMs }, facts, ttlMs)
    if (problems.length > 0) breaches.push({ seed: cutSeed, record: point, problems })
    if (breaches.length >= maxBreaches) break
    onCut?.(done + 1)
  }
  return breaches
}

function put(path: string, image: Image): void {
  for (const suffix of LEFTOVERS) rmSync(`${path}${suffix}`, { force: true })
  // Object.keys loses the types of the names.
  for (const file of Object.keys(SUFFIXES) as RecordedFile[]) {
    const content = image[file]
    if (content !== null) writeFileSync(`${path}${SUFFIXES[file]}`, content)
  }
}

/** The recording on a disk that claims to sync this file and does not. */
export const withoutSyncs = (recording: Recording, file: RecordedFile): Recording => ({
  ...recording,
  records: recording.records.filter((record) => record.file !== file || record.operation !== 'sync'),
})
