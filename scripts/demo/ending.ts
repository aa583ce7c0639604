// Last lines of the demo, the same on a terminal and in a pipe: the order, what it saved, and what to do next.

import { type Board, median } from './board.ts'

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

export function endingLines(board: Board): string[] {
  const { tookMs, loads, fifo, failed } = board.result
  return [
    ...(failed > 0 ? [`${failed} of ${board.rows.length} chats got no answer.`] : []),
    `asked  ${board.rows.map(({ ask }) => ask.number).join(' ')}`,
    `sent   ${grouped(board)}`,
    `foreman             ${seconds(tookMs)}, ${loads} loads`,
    `first in, first out ${seconds(fifo.ms)}, ${fifo.loads} loads (calculated from the times of the simulation)`,
    `${board.embeddings.length} embeddings meanwhile, median ${median(board.embeddings).toFixed(0)} ms: they do not wait for chats`,
    'Only foreman was real. To run it in front of your own Ollama:',
    '  FOREMAN_OLLAMA_URL=http://localhost:11434 npm start',
  ]
}

/** Returns the order at the target, with a bar at each swap of models. */
export function grouped({ sent, rows }: Pick<Board, 'sent' | 'rows'>): string {
  const model = (number: number | undefined) => rows[(number ?? 0) - 1]?.ask.model
  return sent
    .map((number, index) => (index > 0 && model(number) !== model(sent[index - 1]) ? `| ${number}` : `${number}`))
    .join(' ')
}
