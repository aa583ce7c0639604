// Terminal output that is redrawn in place: the alternate screen and the status line. The terminal is restored however the
// process ends.

import { cut } from './terminal.ts'

// Alternate screen, no cursor, no wrapping: a line too long by one column would scroll the whole screen.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
// Synchronized output: terminals that support it show the frame at once; others ignore it.
const BEGIN = '\x1b[?2026h\x1b[H'
const END = '\x1b[?2026l'
const WIPE_BELOW = '\r\n\x1b[J'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export class Screen {
  readonly #stream: NodeJS.WriteStream
  #isOpen = false
  #isTaken = true
  readonly #close = (): void => this.close()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  /** 80×24 if the terminal reports 0, as a serial line does. */
  get size(): Size {
    const { columns, rows } = this.#stream
    return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 }
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#isTaken = true
    this.#stream.write(ENTER)
    process.once('exit', this.#close)
  }

  /** Safe to call twice. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.off('exit', this.#close)
    this.#stream.write(LEAVE)
  }

  /**
   * Draws one frame in one write, so that nothing flickers. Lines that do not fit are left out. The frame is skipped if a
   * slow terminal has not taken the last one.
   */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen || !this.#isTaken) return
    const { rows } = this.size
    // Clear before writing: after a full line the cursor is still on its last column, and clearing would erase that.
    const text = lines.slice(0, rows).map((line) => `\x1b[2K${line}\x1b[0m`)
    const below = text.length < rows ? WIPE_BELOW : ''
    this.#isTaken = this.#stream.write(`${BEGIN}${text.join('\r\n')}${below}${END}`, () => {
      this.#isTaken = true
    })
  }
}

/** One line on a terminal that is overwritten, and cleared before anything else is written. */
export class StatusLine {
  readonly #stream: NodeJS.WriteStream
  #isShown = false

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(text: string): void {
    this.#isShown = true
    // One column stays free: some terminals wrap as soon as the last one is written.
    this.#stream.write(`\r${cut(text, (this.#stream.columns || 80) - 1)}\x1b[K`)
  }

  clear(): void {
    if (!this.#isShown) return
    this.#isShown = false
    this.#stream.write('\r\x1b[K')
  }
}
