// Model of a disk that loses power: synced data stays; a later write survives whole, in part, or not at all. It follows the
// records of a write log, and creates the files as they may be after a cut.
//
// Assumptions, those of SQLite: a synced write stays; bytes outside of a write do not change; a file whose content was
// synced also keeps its name. A removed file may come back until any file is synced, which writes the folder as well on
// ext4, XFS, Btrfs and APFS; SQLite syncs the folder itself where it depends on it.

import type { SeededRandom } from '../proof/seeded-random.ts'
import type { RecordedFile, WriteRecord } from './write-log.ts'

/** A file's content; null if there is no file. */
export type Content = Uint8Array | null
export type Image = Readonly<Record<RecordedFile, Content>>

const SECTOR_BYTES = 512

class GrowingBytes {
  #bytes: Uint8Array
  #length: number

  constructor(content: Uint8Array) {
    this.#bytes = content
    this.#length = content.length
  }

  write(offset: number, data: Uint8Array): void {
    this.resize(Math.max(this.#length, offset + data.length))
    this.#bytes.set(data, offset)
  }

  /** New bytes are zeros, as in a file with a hole. */
  resize(length: number): void {
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length, 65_536))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    if (length < this.#length) this.#bytes.fill(0, length, this.#length)
    this.#length = length
  }

  copy(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#length))
  }
}

/** One file, from its creation to its removal. */
class DiskFile {
  readonly #synced = new GrowingBytes(new Uint8Array(0))
  #pending: WriteRecord[] = []
  isSynced = false

  take(record: WriteRecord): void {
    if (record.operation !== 'sync') return void this.#pending.push(record)
    for (const one of this.#pending) applyTo(this.#synced, one)
    this.#pending = []
    this.isSynced = true
  }

  /** The content with all writes, which the next process sees if the power stays on. */
  whole(): Uint8Array {
    const bytes = new GrowingBytes(this.#synced.copy())
    for (const one of this.#pending) applyTo(bytes, one)
    return bytes.copy()
  }

  cut(random: SeededRandom, severity: CutSeverity): Uint8Array {
    const bytes = new GrowingBytes(this.#synced.copy())
    for (const one of inSomeOrder(this.#pending, random, severity)) {
      if (random.happens(severity.dropped)) continue
      if (one.operation === 'write' && random.happens(severity.torn)) tear(bytes, one, random)
      else applyTo(bytes, one)
    }
    return bytes.copy()
  }
}

function applyTo(bytes: GrowingBytes, { operation, offset, data }: WriteRecord): void {
  if (operation === 'write') bytes.write(offset, data)
  else if (operation === 'truncate') bytes.resize(offset)
}

/** Some of the sectors, sometimes not even whole ones. */
function tear(bytes: GrowingBytes, { offset, data }: WriteRecord, random: SeededRandom): void {
  if (random.happens(0.3)) return bytes.write(offset, data.subarray(0, random.integer(0, data.length)))
  for (let at = offset; at < offset + data.length; ) {
    const next = Math.min(offset + data.length, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
    if (random.happens(0.5)) bytes.write(at, data.subarray(at - offset, next - offset))
    at = next
  }
}

/** Severity of a cut: shares of the writes since the last sync. */
interface CutSeverity {
  readonly dropped: number
  readonly torn: number
  readonly isReordered: boolean
}

const drawSeverity = (random: SeededRandom): CutSeverity => ({
  dropped: random.pick([0, 0.1, 0.5, 0.9, 1]),
  torn: random.pick([0, 0, 0.2, 0.6]),
  isReordered: random.happens(0.4),
})

function inSomeOrder(
  records: readonly WriteRecord[],
  random: SeededRandom,
  { isReordered }: CutSeverity,
): readonly WriteRecord[] {
  if (!isReordered) return records
  const rest = [...records]
  return records.map(() => rest.splice(random.integer(0, rest.length - 1), 1)[0] as WriteRecord)
}

/** All files that may have one name after a cut. */
class DiskName {
  #current: DiskFile | null = null
  #removed: DiskFile | null = null

  take(record: WriteRecord): void {
    const { operation } = record
    if (operation === 'create') {
      this.#current = new DiskFile()
      return
    }
    if (operation === 'unlink') {
      this.#removed = this.#current
      this.#current = null
      return
    }
    if (this.#current === null) throw new Error(`a ${operation} on a file that was not created in the log`)
    this.#current.take(record)
  }

  /** Records the sync of a file, this one or another. */
  settle(): void {
    this.#removed = null
  }

  whole(): Content {
    return this.#current?.whole() ?? null
  }

  cut(random: SeededRandom, severity: CutSeverity): Content {
    if (this.#current?.isSynced === true) return this.#current.cut(random, severity)
    const possible = [this.#current, this.#removed, null]
    return random.pick<DiskFile | null>(possible)?.cut(random, severity) ?? null
  }
}

export class DiskModel {
  readonly #names: Readonly<Record<RecordedFile, DiskName>> = {
    database: new DiskName(),
    wal: new DiskName(),
    journal: new DiskName(),
  }

  take(record: WriteRecord): void {
    this.#names[record.file].take(record)
    if (record.operation === 'sync') for (const name of Object.values(this.#names)) name.settle()
  }

  /** The files if the power stays on. */
  whole(): Image {
    return this.#image((name) => name.whole())
  }

  cut(random: SeededRandom): Image {
    const severity = drawSeverity(random)
    return this.#image((name) => name.cut(random, severity))
  }

  #image(of: (name: DiskName) => Content): Image {
    const { database, wal, journal } = this.#names
    return { database: of(database), wal: of(wal), journal: of(journal) }
  }
}
