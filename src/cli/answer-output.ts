// Owns the answer on stdout: as it came in a pipe, harmless on a terminal, never faster than it is taken.

import { fstatSync } from 'node:fs'
import { printableLines } from './terminal.ts'

/** Whoever read stdout has left (`| head -1`): the end of the command, and no error. */
export class ReaderGone extends Error {}

type Stdout = NodeJS.WriteStream & { readonly fd: number }

export class AnswerOutput {
  readonly #stream: Stdout
  #isAtLineStart = true
  #hasText = false

  constructor(stream: Stdout = process.stdout) {
    this.#stream = stream
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true
  }

  /** Whether it may stand on the terminal that stderr goes to: `| tee` and `| head` put it there behind our back. */
  get mayBeSeen(): boolean {
    if (this.isTerminal) return true
    const kind = fstatSync(this.#stream.fd)
    return !kind.isFile() && !kind.isCharacterDevice()
  }

  /** Whether anything of the answer has been printed. */
  get hasText(): boolean {
    return this.#hasText
  }

  /** With half a line on what may be the terminal. */
  get isMidLine(): boolean {
    return !this.#isAtLineStart && this.mayBeSeen
  }

  /** Resolves when it is taken; rejects with ReaderGone. */
  async text(text: string): Promise<void> {
    const shown = this.isTerminal ? printableLines(text) : text
    if (shown === '') return
    this.#hasText = true
    this.#isAtLineStart = shown.endsWith('\n')
    await this.#write(shown)
  }

  /** A document or an event, on lines of its own. */
  async line(text: string): Promise<void> {
    await this.#write(`${text}\n`)
  }

  /** What was printed is void: what comes now begins on a line of its own. */
  async restart(): Promise<void> {
    if (!this.#isAtLineStart) await this.#write('\n')
    this.#isAtLineStart = true
    this.#hasText = false
  }

  /** A prompt of the shell must not stand behind the answer's last word. A pipe gets the answer and nothing else. */
  async end(): Promise<void> {
    if (this.isTerminal) await this.restart()
  }

  /** Bytes as they are; for a terminal through `text`. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes)
  }

  #write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => {
        if (error === null || error === undefined) resolve()
        else if ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) {
          reject(new ReaderGone())
        } else reject(error)
      })
    })
  }
}
