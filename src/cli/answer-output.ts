// Answer on stdout: unchanged in a pipe, without control characters on a terminal, with back-pressure.

import { fstatSync } from 'node:fs'
import { stdoutError } from './exit.ts'
import { printableLines } from './terminal.ts'

/** The reader of stdout has left (`| head -1`). This ends the command and is not an error. */
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

  /** Whether the answer may appear on the terminal of stderr. `| tee` and `| head` also print there. */
  get mayBeSeen(): boolean {
    if (this.isTerminal) return true
    const kind = fstatSync(this.#stream.fd)
    return !kind.isFile() && !kind.isCharacterDevice()
  }

  /** Whether anything of the answer has been printed. */
  get hasText(): boolean {
    return this.#hasText
  }

  /** Whether the last line on what may be the terminal is unfinished. */
  get isMidLine(): boolean {
    return !this.#isAtLineStart && this.mayBeSeen
  }

  /** Resolves when stdout has taken the text. Rejects with ReaderGone. */
  async text(text: string): Promise<void> {
    const shown = this.isTerminal ? printableLines(text) : text
    if (shown === '') return
    this.#hasText = true
    this.#isAtLineStart = shown.endsWith('\n')
    await this.write(shown)
  }

  /** Prints a document or an event on lines of its own. */
  async line(text: string): Promise<void> {
    await this.write(`${text}\n`)
  }

  /** Starts the answer again on a new line, because what was printed is void. */
  async restart(): Promise<void> {
    if (!this.#isAtLineStart) await this.write('\n')
    this.#isAtLineStart = true
    this.#hasText = false
  }

  /** Ends the last line on a terminal, for the shell's prompt. A pipe gets the answer unchanged. */
  async end(): Promise<void> {
    if (this.isTerminal) await this.restart()
  }

  /** Writes data unchanged. On a terminal use `text`. Rejects with ReaderGone. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => {
        if (error === null || error === undefined) resolve()
        else if ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) {
          reject(new ReaderGone())
        } else reject(stdoutError(error))
      })
    })
  }
}
