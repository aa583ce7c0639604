// Scripted daemon for command line tests: the client's scripted foreman with the answers for `submit` and `top`.

import type { RequestListener } from 'node:http'
import type { JobEvent, JobState } from '../../src/client/index.ts'
import { ID, json, type ScriptedForeman, scriptedForeman, stateEvent, wordEvent } from '../client/scripted-foreman.ts'
import { IDLE } from './stand-in.ts'

export { document, ID, json, receipt, stateEvent, until, wordEvent } from '../client/scripted-foreman.ts'

const document =
  (it: unknown): RequestListener =>
  (_req, res) =>
    json(res, 200, it)

export async function jobDaemon(): Promise<ScriptedForeman> {
  const daemon = await scriptedForeman()
  daemon.answers.set('GET /healthz', document({ status: 'ok', degraded: false }))
  daemon.answers.set('GET /status', document(IDLE))
  daemon.answers.set('GET /jobs', document({ jobs: [], next: null }))
  daemon.answers.set(`POST /jobs/${ID}/cancel`, document({ job_id: ID, state: 'working' }))
  return daemon
}

/** The events of a job: queued, working, these words, and this end. */
export const historyOf = (words: readonly string[], end: JobState = 'done'): JobEvent[] => [
  stateEvent(1, 'queued'),
  stateEvent(2, 'working', 'queued'),
  ...words.map((word, index) => wordEvent(2, index + 1, word)),
  {
    ...stateEvent(3, end, 'working'),
    ...(end === 'failed' ? { error: { code: 'stalled', message: 'no byte came \u001b[31m', status: null } } : {}),
  } as JobEvent,
]
