// Output of log lines: in order, asynchronous and bounded. A slow or closed reader never delays a stream (a synchronous
// write to a full pipe did, for 0.15 s at a time).

import { fstatSync, write, writeSync } from 'node:fs'

/** Bytes that may wait for a slow reader. Lines beyond it are dropped; the next line written says how many. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** Time until a full pipe is tried again. */
const AGAIN_MS = 10
/** Time that a reader gets at an orderly end. */
const FLUSH_MS = 1_000

export class LogOutput {
  readonly #fd: number
  /** A file takes a line in microseconds, so it is written synchronously: no line is lost in a crash. */
  readonly #isFile: boolean
  #waiting: string[] = []
  #bytes = 0
  #dropped = 0
  #writing = false
  #gone = false
  #flushes: (() => void)[] = []

  /** @param fd file descriptor; 1 is standard output */
  constructor(fd: number) {
    this.#fd = fd
    this.#isFile = fstatSync(fd).isFile()
    process.once('exit', () => this.#finish())
  }

  write(line: string): void {
    if (this.#gone) return
    if (this.#isFile) return this.#writeNow(line)
    if (this.#bytes + line.length > MAX_WAITING_BYTES) {
      this.#dropped += 1
      return
    }
    this.#waiting.push(line)
    this.#bytes += line.length
    if (!this.#writing) this.#next()
  }

  /** Calls back when all lines are written, when the reader is gone, or after a second. pino's `flush` ends here. */
  flush(done: () => void): void {
    if (!this.#writing) return done()
    const timer = setTimeout(done, FLUSH_MS)
    this.#flushes.push(() => {
      clearTimeout(timer)
      done()
    })
  }

  #next(): void {
    const lines = this.#take()
    this.#writing = lines !== ''
    if (this.#writing) return this.#put(Buffer.from(lines))
    for (const done of this.#flushes.splice(0)) done()
  }

  #take(): string {
    const lines = this.#waiting.join('')
    const dropped = this.#dropped
    this.#waiting = []
    this.#bytes = 0
    this.#dropped = 0
    return dropped === 0
      ? lines
      : `${lines}{"level":"warn","dropped":${dropped},"msg":"log lines dropped: they were not read in time"}\n`
  }

  #put(bytes: Buffer): void {
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) return written < bytes.length ? this.#put(bytes.subarray(written)) : this.#next()
      if (error.code === 'EAGAIN') return void setTimeout(() => this.#put(bytes), AGAIN_MS)
      // EPIPE and similar errors: the reader is gone. The daemon goes on for its callers.
      this.#gone = true
      this.#waiting = []
      this.#next()
    })
  }

  #writeNow(lines: string): void {
    try {
      writeSync(this.#fd, lines)
    } catch {
      // A full disk must not end the daemon through its log.
    }
  }

  #finish(): void {
    const rest = this.#take()
    if (rest !== '' && !this.#gone) this.#writeNow(rest)
  }
}
