// Live view of the demo: at most 23 lines of 79 columns, redrawn in place, so that its last state stays in the
// scroll-back. It hides the cursor and shows it again at the end.

import { styleText } from 'node:util'
import { LOAD_MS, MODELS } from './asks.ts'
import { type Board, median, type Row } from './board.ts'
import { endingLines, grouped } from './ending.ts'

const HIDE = '\x1b[?25l'
const SHOW = '\x1b[?25h'
const WIDTH = 79
const TITLE = 'foreman demo: the target is simulated (no model runs), foreman is real'

type Colour = Parameters<typeof styleText>[0]
const COLOURS: Readonly<Record<Row['stage'], Colour>> = {
  'not yet': 'dim',
  queued: 'dim',
  loading: 'yellow',
  working: 'cyan',
  done: 'green',
  failed: 'red',
}

export class Screen {
  readonly #board: Board
  #drawn = 0

  constructor(board: Board) {
    this.#board = board
    process.stdout.write(HIDE)
    // On every exit, because a terminal without a cursor is hard to use.
    process.once('exit', () => this.close())
  }

  draw(): void {
    this.#put([...this.#head(), ...this.#rows(), '', ...this.#now()])
  }

  /** Draws the last state and shows the cursor again. */
  end(): void {
    const ending = endingLines(this.#board).map((line) => ` ${line}`)
    this.#put([...this.#head(), ...this.#rows(), '', ...ending])
    this.close()
  }

  close(): void {
    process.stdout.write(SHOW)
  }

  #put(lines: readonly string[]): void {
    // Also clear the lines of the previous view that this one no longer has.
    const text = [...lines, ...Array(Math.max(0, this.#drawn - lines.length)).fill('')]
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : ''
    this.#drawn = text.length
    process.stdout.write(up + text.map((line) => `\x1b[2K${line}\n`).join(''))
  }

  #head(): string[] {
    const time = `${(this.#board.now / 1000).toFixed(1)} s`
    return [
      ` ${styleText('bold', TITLE.padEnd(WIDTH - 2 - time.length))}${time}`,
      styleText('dim', '  #  who     model        asked   state    ahead   answer'),
    ]
  }

  #rows(): string[] {
    return this.#board.rows.map((row) => {
      const { ask, stage, askedAt, text } = row
      const asked = askedAt === null ? '' : `${(askedAt / 1000).toFixed(1)} s`
      const left = ` ${String(ask.number).padStart(2)}  ${ask.who.padEnd(7)} ${ask.model.padEnd(12)} ${asked.padEnd(7)} `
      const middle = `${stage.padEnd(8)} ${this.#ahead(row).padEnd(7)} `
      const room = WIDTH - left.length - middle.length
      return left + styleText(COLOURS[stage], middle) + (stage === 'working' ? text.slice(-room) : text.slice(0, room))
    })
  }

  /** How many jobs are ahead of it in the queue, or when it was sent. */
  #ahead({ ask, stage }: Row): string {
    if (stage === 'queued') return String(this.#board.positionOf(ask))
    const index = this.#board.sent.indexOf(ask.number)
    return index === -1 ? '' : `sent ${index + 1}`
  }

  #now(): string[] {
    const { status, waiting, embeddings, running, now } = this.#board
    const count = (model: string) => waiting.filter((ask) => ask.model === model).length
    const { swaps = 0, swaps_saved: saved = 0 } = status?.counters ?? {}
    return [
      ` target   ${running === null ? 'idle' : this.#work(running, now)}`,
      ` queue    ${MODELS.map((model) => `${model} ${count(model)}`).join(' · ')}`,
      ` embedded ${embeddings.length} texts meanwhile, median ${median(embeddings).toFixed(0)} ms`,
      ` asked    ${this.#board.rows
        .filter(({ askedAt }) => askedAt !== null)
        .map(({ ask }) => ask.number)
        .join(' ')}`,
      ` sent     ${grouped(this.#board)}`,
      ` swaps    ${swaps} made, ${saved} saved so far`,
    ]
  }

  #work({ ask, stage, sentAt }: Row, now: number): string {
    if (stage === 'working') return styleText('cyan', `works on #${ask.number} with ${ask.model}`)
    const filled = Math.min(20, Math.round(((now - (sentAt ?? now)) / LOAD_MS) * 20))
    return styleText('yellow', `loads ${ask.model} ${'█'.repeat(filled)}${'░'.repeat(20 - filled)}`)
  }
}
