// Ctrl-C while waiting for a job: asks once at a terminal, cancels elsewhere. It only reports the choice to its caller.

import { CTRL_C, type Keyboard, listenToKeys } from './keyboard.ts'
import { cut } from './terminal.ts'

export type InterruptChoice = 'cancel' | 'leave'

export interface Asker {
  /** Whether to ask. If false, Ctrl-C means `leave` at once. */
  readonly mayAsk: boolean
  /** Called before the question is shown. The caller must draw nothing until it is answered. */
  asked(): void
  /** Called when any other key was pressed. */
  goOn(): void
  /** Called at most once. */
  chosen(choice: InterruptChoice): void
}

/** Shorter than 80 columns: of a line that wraps, only the last row could be removed. */
const QUESTION = '[c]ancel the job, [l]eave it running, any other key: keep waiting '

export class Interrupt {
  readonly #asker: Asker
  #keyboard: Keyboard | null = null
  #isOver = false
  #answered: PromiseWithResolvers<void> | null = null

  constructor(asker: Asker) {
    this.#asker = asker
    process.on('SIGINT', this.#onSignal)
  }

  /** Resolves at once, or when the question on the screen has been answered. */
  async settled(): Promise<void> {
    await this.#answered?.promise
  }

  /** Stops listening. Safe to call twice. */
  close(): void {
    process.off('SIGINT', this.#onSignal)
    this.#isOver = true
    this.#stopAsking()
  }

  readonly #onSignal = (): void => {
    if (this.#isOver) return
    // A second signal cannot come from the keyboard (raw mode). Its sender wants to end this command, not the job.
    if (this.#answered !== null || !this.#asker.mayAsk) return this.#choose('leave')
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
