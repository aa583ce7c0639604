// Owns THE table of bugs that are planted to see whether the checker catches them: which text of which file becomes what, and
// which invariants may be the ones that notice. Plain values; planting.ts puts them in.

import type { Invariant } from './checker.ts'
import type { Fatal } from './life.ts'

export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Stands there exactly once, or the plant is refused. */
  readonly from: string
  readonly to: string
}

export interface Plant {
  readonly edits: readonly Edit[]
  /** The plant is caught if one of these notices. */
  readonly caughtBy: readonly Invariant[]
  /** One watched job is enough, killed here; without it: a storm. */
  readonly fatal?: Fatal
}

const SUBMIT = 'src/daemon/http/jobs/submit.ts'
const HISTORY = 'src/daemon/sqlite/history.ts'
const ATTEMPT = 'src/daemon/domain/attempt.ts'
const DELIVERER = 'src/daemon/services/deliverer.ts'

/** What is told while it is written is told well before. */
const SLOW_COMMIT: Edit = {
  file: 'src/daemon/sqlite/transaction.ts',
  from: "db.exec('COMMIT')",
  to: "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40), db.exec('COMMIT')",
}

/** No bug: nothing may be found in a daemon with it. */
export const HARMLESS = {
  'a slow disk': { edits: [SLOW_COMMIT], caughtBy: [] },
} as const satisfies Readonly<Record<string, Plant>>

export const PLANTS = {
  'a submit is acknowledged before it is on disk': {
    edits: [
      {
        file: SUBMIT,
        from: 'const result = await store.enqueue(job, config, queue.residency)',
        to: `const result = { kind: 'enqueued', job: { ...job, state: 'queued', changes: 1, attempt: 0 }, queuePosition: null }
  setTimeout(() => store.enqueue(job, config), 100)`,
      },
    ],
    caughtBy: ['lost'],
  },
  'the webhook of a change is written after its transaction': {
    edits: [
      {
        file: HISTORY,
        from: 'deliveries.put(sequence, number, url, at)',
        to: 'setTimeout(() => deliveries.put(sequence, number, url, at), 30)',
      },
    ],
    caughtBy: ['told', 'told_in_order'],
  },
  'an answer without its terminal marker is done': {
    edits: [
      {
        file: ATTEMPT,
        from: "return { event: 'incomplete_stream', error: failure('incomplete_stream') }",
        to: "return { event: 'completed' }",
      },
    ],
    caughtBy: ['artifact', 'caused_end', 'caller'],
  },
  'the artifacts are not written': {
    edits: [
      {
        file: HISTORY,
        from: 'artifacts.put(sequence, remains)',
        to: 'void artifacts',
      },
    ],
    caughtBy: ['artifact'],
  },
  'nothing is recovered at the start': {
    edits: [
      {
        file: 'src/daemon/daemon.ts',
        from: 'await store.recover(clock.now(), config.maxAttempts)',
        to: '{}',
      },
    ],
    caughtBy: ['lost'],
  },
  'a call is tried again although its caller has bytes': {
    edits: [
      {
        file: ATTEMPT,
        from: "if (context.delivered && job.caller === 'live')",
        to: 'if (context.now < 0)',
      },
    ],
    caughtBy: ['caller'],
  },
  'a claim counts no attempt': {
    edits: [
      {
        file: 'src/daemon/sqlite/jobs.ts',
        from: 'attempt = attempt + ',
        // The first one is counted: the schema would notice else.
        to: 'attempt = attempt + (attempt = 0) * ',
      },
    ],
    caughtBy: ['attempts', 'legal_path'],
  },
  'two jobs run at once': {
    edits: [
      {
        file: 'src/daemon/services/dispatcher.ts',
        from: 'await this.#attempt(claim.job, claim.body,',
        to: 'void this.#attempt(claim.job, claim.body,',
      },
      {
        file: 'src/daemon/ollama/send.ts',
        from: 'if (this.#current !== null && !this.#current.isSettled)',
        to: 'if (this.#current?.isSettled === null)',
      },
      { file: 'src/daemon/ollama/connections.ts', from: 'return this.#jobs\n', to: 'return this.#client()\n' },
    ],
    caughtBy: ['one_at_a_time'],
  },
  'the last change is told first': {
    edits: [
      {
        file: 'src/daemon/sqlite/deliveries.ts',
        from: "AND status = 'pending' ORDER BY n LIMIT 1)`",
        to: "AND status = 'pending' ORDER BY n DESC LIMIT 1)`",
      },
    ],
    caughtBy: ['told_in_order'],
  },
  'each try of a webhook has an id of its own': {
    edits: [
      {
        file: DELIVERER,
        from: 'const id = webhookId(jobId, change.number)',
        to: "const id = webhookId(jobId, change.number) + '-' + clock.now()",
      },
    ],
    caughtBy: ['webhook_id'],
  },
  'webhooks go unsigned': {
    edits: [{ file: DELIVERER, from: 'body, keys })', to: 'body, keys: [] })' }],
    caughtBy: ['signature'],
  },
  'a key is forgotten': {
    edits: [
      { file: 'src/daemon/sqlite/idempotency.ts', from: 'return row === undefined ?', to: 'return row !== null ?' },
      {
        file: 'src/daemon/sqlite/idempotency.ts',
        from: "'INSERT INTO idempotency",
        to: "'INSERT OR REPLACE INTO idempotency",
      },
    ],
    caughtBy: ['one_per_key', 'phantom'],
  },
  'a job that is over can still be cancelled': {
    edits: [
      {
        file: 'src/daemon/services/cancellation.ts',
        from: 'if (isFinal(job.state) ||',
        to: 'if (',
      },
      // The schema would notice else.
      {
        file: HISTORY,
        from: 'state, previous, attempt, at })',
        to: "state, previous: previous && 'working', attempt, at })",
      },
      {
        file: 'src/daemon/domain/job.ts',
        from: "from: ['queued', 'loading', 'working'],\n    to: 'cancelled'",
        to: "from: ['queued', 'loading', 'working', 'done', 'failed'],\n    to: 'cancelled'",
      },
    ],
    caughtBy: ['ends_once', 'legal_path'],
  },
  'an answer that broke off ends cleanly': {
    edits: [
      {
        file: 'src/daemon/http/ollama/live-answer.ts',
        from: "res.write(last ? record : '', () => res.destroy())",
        to: 'res.end()',
      },
    ],
    caughtBy: ['caller'],
  },
  'a watcher who comes back misses a record': {
    edits: [
      {
        file: 'src/daemon/http/jobs/events-history.ts',
        from: 'if (number > after) told.push',
        to: 'if (number > after + (after % 100 > 0 ? 1 : 0)) told.push',
      },
    ],
    caughtBy: ['watcher'],
  },
  'a number that watchers were told before a crash is given again': {
    edits: [
      {
        file: 'src/daemon/sqlite/interruption.ts',
        from: "if (caller === 'none' && state === 'loading') jobs.skipChange(sequence)",
        to: '',
      },
      SLOW_COMMIT,
    ],
    caughtBy: ['watcher'],
    fatal: { step: 'streaming', passes: 3 },
  },
} as const satisfies Readonly<Record<string, Plant>>

/** Bugs that a kill does not show, and a power cut does: test/power-cuts/. */
export const POWER_CUT_PLANTS = {
  'no commit is synced': {
    edits: [
      {
        file: 'src/daemon/sqlite/transaction.ts',
        from: "let synchronous: Durability = 'disk'",
        to: "let synchronous: Durability = 'line'; db.exec('PRAGMA synchronous = NORMAL')",
      },
      {
        file: 'src/daemon/sqlite/transaction.ts',
        from: "durability === 'disk' ? 'FULL' : 'NORMAL'",
        to: "'NORMAL'",
      },
    ],
    caughtBy: [],
  },
} as const satisfies Readonly<Record<string, Plant>>

export type PlantName = keyof typeof PLANTS | keyof typeof HARMLESS | keyof typeof POWER_CUT_PLANTS

/** The source with the edits in it. Throws where a text does not stand there exactly once. */
export function planted(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { file, from, to }) => {
    const parts = text.split(from)
    if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} times, not once: ${from}`)
    return parts.join(to)
  }, source)
}
