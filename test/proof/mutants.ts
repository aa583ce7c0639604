// Table of mutants: bugs that are put into the daemon to test whether the checker detects them. Each row says which text of which
// file becomes what, and which invariants may detect it. apply-mutant.ts applies them.

import type { Invariant } from './checker.ts'
import type { KillPoint } from './daemon-process.ts'

export interface Edit {
  /** Relative to the root of the repository. */
  readonly file: string
  /** Must occur exactly once in the file. */
  readonly from: string
  readonly to: string
}

export interface Mutant {
  readonly edits: readonly Edit[]
  /** The mutant is detected if one of these is violated. */
  readonly caughtBy: readonly Invariant[]
  /** If set, one watched job and a kill at this point; otherwise a run with random kills. */
  readonly killPoint?: KillPoint
}

const SUBMIT = 'src/daemon/http/jobs/submit.ts'
const QUEUEING = 'src/daemon/sqlite/queueing.ts'
const ATTEMPT = 'src/daemon/domain/attempt.ts'
const DELIVERER = 'src/daemon/services/deliverer.ts'

/** Delays each commit, so that anything announced before its commit is announced much earlier. */
const SLOW_COMMIT: Edit = {
  file: 'src/daemon/sqlite/transaction.ts',
  from: "db.exec('COMMIT')",
  to: "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40), db.exec('COMMIT')",
}

/** Changes that are not bugs: the checker must find nothing. */
export const HARMLESS_CHANGES = {
  'a slow disk': { edits: [SLOW_COMMIT], caughtBy: [] },
} as const satisfies Readonly<Record<string, Mutant>>

export const MUTANTS = {
  'a submission is acknowledged before it is on disk': {
    edits: [
      {
        file: SUBMIT,
        from: 'const result = await store.enqueue(job, config, dispatcher.residency)',
        to: `const result = { kind: 'enqueued', job: { ...job, state: 'queued', changes: 1, attempt: 0 }, queuePosition: null }
  setTimeout(() => store.enqueue(job, config), 100)`,
      },
    ],
    caughtBy: ['lost'],
  },
  'the webhook of a change is saved after its transaction': {
    edits: [
      {
        file: QUEUEING,
        from: 'deliveries.put(sequence, number, url, at)',
        to: 'setTimeout(() => deliveries.put(sequence, number, url, at), 30)',
      },
    ],
    caughtBy: ['webhook_sent', 'webhook_order'],
  },
  'an answer without its terminal marker counts as done': {
    edits: [
      {
        file: ATTEMPT,
        from: "return { event: 'incomplete_stream', error: failure('incomplete_stream') }",
        to: "return { event: 'completed' }",
      },
    ],
    caughtBy: ['artifact', 'caused_end', 'caller'],
  },
  'artifacts are not saved': {
    edits: [
      {
        file: QUEUEING,
        from: 'artifacts.put(sequence, output)',
        to: 'void artifacts',
      },
    ],
    caughtBy: ['artifact'],
  },
  'interrupted jobs are not recovered at the start': {
    edits: [
      {
        file: 'src/daemon/daemon.ts',
        from: 'await store.recover(clock.now(), config.maxAttempts)',
        to: '{}',
      },
    ],
    caughtBy: ['lost'],
  },
  'a waiting call is retried after its caller received bytes': {
    edits: [
      {
        file: ATTEMPT,
        from: "if (context.delivered && job.caller === 'live')",
        to: 'if (context.now < 0)',
      },
    ],
    caughtBy: ['caller'],
  },
  'a claim does not count an attempt': {
    edits: [
      {
        file: 'src/daemon/sqlite/jobs.ts',
        from: 'attempt = attempt + ',
        // The first attempt is counted, because the schema would reject zero.
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
      {
        file: 'src/daemon/ollama/send.ts',
        from: 'this.#connections.current.jobs\n',
        to: 'this.#connections.fresh()\n',
      },
    ],
    caughtBy: ['one_at_a_time'],
  },
  'the last change is delivered first': {
    edits: [
      {
        file: 'src/daemon/sqlite/deliveries.ts',
        from: "AND status = 'pending' ORDER BY n LIMIT 1)`",
        to: "AND status = 'pending' ORDER BY n DESC LIMIT 1)`",
      },
    ],
    caughtBy: ['webhook_order'],
  },
  'each try of a webhook has a different id': {
    edits: [
      {
        file: DELIVERER,
        from: 'const id = webhookId(jobId, change.number)',
        to: "const id = webhookId(jobId, change.number) + '-' + clock.now()",
      },
    ],
    caughtBy: ['webhook_id'],
  },
  'webhooks are not signed': {
    edits: [{ file: DELIVERER, from: 'body, keys })', to: 'body, keys: [] })' }],
    caughtBy: ['signature'],
  },
  'an idempotency key is ignored': {
    edits: [
      { file: 'src/daemon/sqlite/submissions.ts', from: 'return row === null ?', to: 'return row !== undefined ?' },
      {
        file: 'src/daemon/sqlite/submissions.ts',
        from: "'INSERT INTO idempotency",
        to: "'INSERT OR REPLACE INTO idempotency",
      },
    ],
    caughtBy: ['one_per_key', 'phantom'],
  },
  'a finished job can be cancelled': {
    edits: [
      {
        file: 'src/daemon/services/cancellation.ts',
        from: 'if (isFinal(job.state) ||',
        to: 'if (',
      },
      // Otherwise the schema would reject the change.
      {
        file: QUEUEING,
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
  'an answer that was cut off ends cleanly': {
    edits: [
      {
        file: 'src/daemon/http/ollama/live-answer.ts',
        from: "res.write(last ? record : '', () => res.destroy())",
        to: 'res.end()',
      },
    ],
    caughtBy: ['caller'],
  },
  'a watcher that reconnects misses a record': {
    edits: [
      {
        file: 'src/daemon/http/jobs/event-history.ts',
        from: 'if (number > after) frames.push',
        to: 'if (number > after + (after % 100 > 0 ? 1 : 0)) frames.push',
      },
    ],
    caughtBy: ['watcher'],
  },
  'an event number is reused after a crash': {
    edits: [
      {
        file: 'src/daemon/sqlite/interruption.ts',
        from: "if (caller === 'none' && state === 'loading') jobs.skipChange({ sequence })",
        to: '',
      },
      SLOW_COMMIT,
    ],
    caughtBy: ['watcher'],
    killPoint: { step: 'streaming', passes: 3 },
  },
} as const satisfies Readonly<Record<string, Mutant>>

/** Bugs that only a power cut shows: test/power-cuts/. */
export const POWER_CUT_MUTANTS = {
  'no commit is synced': {
    edits: [
      {
        file: 'src/daemon/sqlite/transaction.ts',
        from: "let synchronous: Durability = 'synced'",
        to: "let synchronous: Durability = 'unsynced'; db.exec('PRAGMA synchronous = NORMAL')",
      },
      {
        file: 'src/daemon/sqlite/transaction.ts',
        from: "durability === 'synced' ? 'FULL' : 'NORMAL'",
        to: "'NORMAL'",
      },
    ],
    caughtBy: [],
  },
} as const satisfies Readonly<Record<string, Mutant>>

export type MutantName = keyof typeof MUTANTS | keyof typeof HARMLESS_CHANGES | keyof typeof POWER_CUT_MUTANTS

/** Returns the source with the edits applied. Throws if a text does not occur exactly once. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { file, from, to }) => {
    const parts = text.split(from)
    if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} times instead of once: ${from}`)
    return parts.join(to)
  }, source)
}
