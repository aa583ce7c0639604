// Owns the view for pipes and CI: one plain line for each thing that happens, nothing redrawn.

import type { Ask } from './asks.ts'
import type { Board } from './board.ts'
import { endingLines } from './ending.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

export class Lines {
  readonly #board: Board

  constructor(board: Board) {
    this.#board = board
    say('foreman demo: the target is simulated (no model runs), foreman is real')
  }

  asked(ask: Ask): void {
    this.#tell(ask, `asks for ${ask.model}: place ${this.#board.positionOf(ask)} in the queue`)
  }

  sent(ask: Ask, loads: boolean): void {
    this.#tell(ask, loads ? `is sent; ${ask.model} is loading` : `is sent; ${ask.model} is there already`)
  }

  done(ask: Ask): void {
    const { text } = this.#board.row(ask)
    this.#tell(ask, `is done: "${text.slice(0, 60)}…"; ${this.#board.waiting.length} wait`)
  }

  failed(ask: Ask, why: string): void {
    this.#tell(ask, `failed: ${why}`)
  }

  end(): void {
    for (const line of endingLines(this.#board)) say(line)
  }

  #tell(ask: Ask, what: string): void {
    say(
      `${(this.#board.now / 1000).toFixed(1).padStart(5)} s  #${String(ask.number).padEnd(2)} ${ask.who.padEnd(6)} ${what}`,
    )
  }
}
