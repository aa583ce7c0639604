// Entry point of the demo. It starts target, foreman and callers, shows them, and removes everything at the end, also
// after Ctrl-C.

import type { StatusDocument } from '../../src/protocol/wire.ts'
import type { Ask } from './asks.ts'
import { Board } from './board.ts'
import { askAll, embedAllTheTime } from './callers.ts'
import { startForeman } from './foreman.ts'
import { Lines } from './lines.ts'
import { Screen } from './screen.ts'
import { startTarget } from './target.ts'

const REDRAW_MS = 100

/** Returns whether stdout is a terminal that is large enough for the live view, and not a CI log. */
function isTerminal(): boolean {
  const { stdout, env } = process
  if (!stdout.isTTY || env['CI'] !== undefined || env['TERM'] === 'dumb') return false
  return stdout.columns >= 80 && stdout.rows >= 24
}

async function main(): Promise<number> {
  const board = new Board()
  const leaving = new AbortController()
  const interrupted = Promise.withResolvers<'interrupted'>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.resolve('interrupted'))
  }
  // The reader of the output has closed the pipe (`npm run demo | head`).
  process.stdout.on('error', () => interrupted.resolve('interrupted'))

  const screen = isTerminal() ? new Screen(board) : null
  const lines = screen === null ? new Lines(board) : null
  const target = await startTarget({
    sent(ask, loads) {
      board.sentTo(ask, loads)
      lines?.sent(ask, loads)
    },
    works: (ask) => board.change(ask, { stage: 'working' }),
  })
  const foreman = await startForeman(target.url)
  const events = {
    asked(ask: Ask) {
      board.asked(ask)
      lines?.asked(ask)
    },
    token: (ask: Ask, text: string) => board.change(ask, { text: board.row(ask).text + text }),
    done(ask: Ask) {
      board.change(ask, { stage: 'done', doneAt: board.now })
      lines?.done(ask)
    },
    failed(ask: Ask, why: string) {
      if (leaving.signal.aborted) return
      board.change(ask, { stage: 'failed', doneAt: board.now, text: why })
      lines?.failed(ask, why)
    },
    embedded: (ms: number) => void board.embeddings.push(ms),
  }

  const redraw = setInterval(() => {
    void readStatus(foreman.url, board)
    screen?.draw()
  }, REDRAW_MS)
  embedAllTheTime(foreman.url, events, leaving.signal).catch(() => {})
  const end = await Promise.race([askAll(foreman.url, events, leaving.signal), interrupted.promise])

  clearInterval(redraw)
  if (end === 'interrupted') screen?.close()
  else (screen ?? lines)?.end()
  leaving.abort()
  await foreman.stop()
  target.close()
  if (end === 'interrupted') return 130
  return board.result.failed > 0 ? 1 : 0
}

async function readStatus(url: string, board: Board): Promise<void> {
  try {
    const status = await fetch(`${url}/status`)
    // Written by the daemon of the same checkout.
    board.status = (await status.json()) as StatusDocument
  } catch {
    // foreman is stopping; the view keeps its last state.
  }
}

process.exit(await main())
