// Owns what Ctrl-C means while a job is waited for: at a terminal it asks, once; elsewhere it cancels. It only finds out what
// is wanted, and does nothing about it.

import { cut } from './display-width.ts'
import { CTRL_C, type Keyboard, listenToKeys } from './keyboard.ts'

export type InterruptChoice = 'cancel' | 'leave'

export interface Asker {
  /** Else Ctrl-C means `leave`, at once. */
  readonly mayAsk: boolean
  /** Before the question is shown: nothing else may be drawn. */
  asked(): void
  /** The question was waved away. */
  goOn(): void
  /** At most once. */
  chosen(choice: InterruptChoice): void
}

/** Shorter than any terminal is wide: of a line that wraps, only the last row would be wiped. */
const QUESTION = '[c]ancel the job, [l]eave it running, any other key waits on: '

export class Interrupt {
  readonly #asker: Asker
  #keyboard: Keyboard | null = null
  #isOver = false
  #answered: PromiseWithResolvers<void> | null = null

  constructor(asker: Asker) {
    this.#asker = asker
    process.on('SIGINT', this.#onSignal)
  }

  /** Resolves at once, or when the question that is on the screen has been answered. */
  async settled(): Promise<void> {
    await this.#answered?.promise
  }

  /** Listens no more. Safe twice. */
  close(): void {
    process.off('SIGINT', this.#onSignal)
    this.#isOver = true
    this.#stopAsking()
  }

  readonly #onSignal = (): void => {
    if (this.#isOver) return
    // A second one, from somewhere else than the keyboard: whoever sends it wants to be rid of us, not of the work.
    if (this.#answered !== null) return this.#choose('leave')
    if (!this.#asker.mayAsk) return this.#choose('leave')
    if (!process.stderr.isTTY) return this.#choose('cancel')
    this.#asker.asked()
    this.#keyboard = listenToKeys((key) => this.#onKey(key))
    if (this.#keyboard === null) return this.#choose('cancel')
    this.#answered = Promise.withResolvers()
    process.stderr.write(cut(QUESTION, (process.stderr.columns || 80) - 1))
  }

  #onKey(key: string): void {
    if (this.#answered === null) return
    if (key === 'c' || key === 'C') this.#choose('cancel')
    else if (key === 'l' || key === 'L' || key === CTRL_C) this.#choose('leave')
    else {
      this.#wipe()
      this.#asker.goOn()
      this.#stopAsking()
    }
  }

  #choose(choice: InterruptChoice): void {
    if (this.#answered !== null) this.#wipe()
    this.#isOver = true
    this.#asker.chosen(choice)
    this.#stopAsking()
  }

  #wipe(): void {
    process.stderr.write('\r\x1b[K')
  }

  #stopAsking(): void {
    this.#keyboard?.close()
    this.#keyboard = null
    this.#answered?.resolve()
    this.#answered = null
  }
}
