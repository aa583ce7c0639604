// View of the demo for pipes and CI: one plain line per event, without redrawing.

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
    this.#print(ask, `asks for ${ask.model}; jobs ahead: ${this.#board.positionOf(ask)}`)
  }

  sent(ask: Ask, loads: boolean): void {
    this.#print(ask, loads ? `sent; ${ask.model} is loading` : `sent; ${ask.model} is already loaded`)
  }

  done(ask: Ask): void {
    const { text } = this.#board.row(ask)
    this.#print(ask, `done: "${text.slice(0, 60)}…"; ${this.#board.waiting.length} waiting`)
  }

  failed(ask: Ask, why: string): void {
    this.#print(ask, `failed: ${why}`)
  }

  end(): void {
    for (const line of endingLines(this.#board)) say(line)
  }

  #print(ask: Ask, what: string): void {
    say(
      `${(this.#board.now / 1000).toFixed(1).padStart(5)} s  #${String(ask.number).padEnd(2)} ${ask.who.padEnd(6)} ${what}`,
    )
  }
}
