// Table of scenarios that a client may meet behind a queue. Each row has foreman's settings, the target's behaviour, the
// expected result, and the column of the baseline. The target is scripted; foreman is the whole program.

import { breaksWith, cut, type Script, unmarked } from '../../fake-ollama.ts'
import { begin, post } from '../../ollama/exchange.ts'
import type { BaselineColumn } from './baseline.ts'
import type { ClientMode } from './client-mode.ts'
import type { ExpectedResult } from './outcome.ts'
import type { ScenarioRun } from './scenario-run.ts'
import { becomeUnreachable, failEveryChat } from './target-failures.ts'

export interface Scenario {
  readonly name: string
  /** FOREMAN_… variables. */
  readonly settings: Readonly<Record<string, string>>
  readonly expected: ExpectedResult
  /** The column of the baseline to compare with. */
  readonly baseline: (way: ClientMode) => BaselineColumn
  /** Client modes to which it applies; default: all. */
  readonly appliesTo?: (way: ClientMode) => boolean
  /** Called before the clients send requests. */
  readonly prepare: (scenarioRun: ScenarioRun) => Promise<void> | void
  /** Called after the clients have sent requests. */
  readonly act: (scenarioRun: ScenarioRun) => Promise<void> | void
}

export const MODEL = 'tiny-a'
/** The gate at which the fake holds each chat. */
export const TURN = 'turn'
export const RIGHT = 'Hello world!'

/** Every endpoint by which the clients of the matrix chat. */
const NATIVE: readonly string[] = ['/api/chat', '/api/generate']
export const CHATS: readonly string[] = [...NATIVE, '/v1/chat/completions', '/v1/messages']

const answersWith = (script: Script) => (scenarioRun: ScenarioRun) => {
  for (const path of CHATS) scenarioRun.fake.always(path, script)
}

const failure = (...sentences: string[]): ExpectedResult => ({ text: null, sentences })
const idle = () => undefined

/** Each caller gets three heartbeats before the target answers. */
const HEARTBEATS = 3
const slowly = { FOREMAN_HEARTBEAT: '50ms' }
/** No heartbeats: the answer begins with the target's first byte. */
const promptly = { FOREMAN_HEARTBEAT: '0' }

const DIED = 'llama-server process has terminated: exit status 2'
const INCOMPLETE = "the target's answer ended before it was complete"
const BROKE = 'an error was encountered while running the model: unexpected EOF'

/** Holds each chat at its own gate at the target, because probes pass `head` too. */
const answersInTurn = (script: Script) => (scenarioRun: ScenarioRun) => {
  answersWith({ ...script, gate: TURN })(scenarioRun)
  scenarioRun.fake.hold(TURN)
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'waits in the queue',
    settings: slowly,
    expected: { text: RIGHT, sentences: [] },
    baseline: () => 'kept alive',
    prepare: answersInTurn({}),
    act: (scenarioRun) => scenarioRun.releaseAfterHeartbeats(HEARTBEATS),
  },
  {
    name: 'waits, then the target fails',
    settings: slowly,
    expected: failure(DIED),
    baseline: () => 'record and cut',
    prepare({ fake }) {
      failEveryChat(fake, 500, DIED, { gate: TURN })
      fake.hold(TURN)
    },
    act: (scenarioRun) => scenarioRun.releaseAfterHeartbeats(HEARTBEATS),
  },
  {
    name: 'waits, then the target is unreachable',
    settings: { ...slowly, FOREMAN_POLL_INTERVAL: '500ms', FOREMAN_UNREACHABLE_GRACE: '500ms' },
    expected: failure('the target does not answer'),
    baseline: () => 'record and cut',
    prepare: (scenarioRun) => scenarioRun.pause(),
    async act(scenarioRun) {
      await scenarioRun.allHaveHeartbeats(HEARTBEATS)
      becomeUnreachable(scenarioRun.fake)
    },
  },
  {
    name: 'waits, then the job is cancelled',
    settings: slowly,
    expected: failure('request canceled'),
    baseline: () => 'record and cut',
    prepare: (scenarioRun) => scenarioRun.pause(),
    act: (scenarioRun) => scenarioRun.cancelAfterHeartbeats(HEARTBEATS),
  },
  {
    // On /v1 Ollama drops the error that its native API gives, and ends without the last record.
    name: 'error during the answer',
    settings: promptly,
    expected: failure(BROKE, INCOMPLETE),
    appliesTo: ({ streams }) => streams,
    baseline: () => 'record and cut',
    prepare(scenarioRun) {
      answersWith(unmarked(2))(scenarioRun)
      for (const path of NATIVE) scenarioRun.fake.always(path, breaksWith(BROKE))
    },
    act: idle,
  },
  {
    name: 'connection lost during the answer',
    settings: promptly,
    expected: failure('lost in the middle of the answer'),
    appliesTo: ({ streams }) => streams,
    baseline: () => 'cut',
    prepare: answersWith(cut('fin', 2)),
    act: idle,
  },
  {
    name: 'connection lost within a record',
    settings: promptly,
    expected: failure('lost in the middle of the answer'),
    appliesTo: ({ streams }) => streams,
    baseline: () => 'cut',
    prepare: answersWith(cut('fin', 2, true)),
    act: idle,
  },
  {
    name: 'connection lost during the answer',
    settings: { ...promptly, FOREMAN_MAX_ATTEMPTS: '1' },
    expected: failure('the target was lost 1 times'),
    appliesTo: ({ streams }) => !streams,
    baseline: () => 'cut',
    prepare: answersWith(cut('fin', 0, true)),
    act: idle,
  },
  {
    // A document of /v1 that is valid JSON looks like a whole one.
    name: 'answer without its last record',
    settings: promptly,
    expected: failure(INCOMPLETE),
    appliesTo: ({ streams, endpoint }) => streams || NATIVE.includes(endpoint),
    baseline: ({ streams }) => (streams ? 'unmarked end' : 'cut'),
    prepare: answersWith(unmarked()),
    act: idle,
  },
  {
    name: 'queue full',
    settings: { ...promptly, FOREMAN_MAX_QUEUE: '1' },
    expected: failure('server busy, please try again.  maximum pending requests exceeded'),
    baseline: () => 'busy',
    async prepare(scenarioRun) {
      await scenarioRun.pause()
      void begin(
        scenarioRun.foreman.url,
        post('/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'x' }] }),
      ).catch(() => undefined)
      await scenarioRun.foreman.shows('a full queue', ({ queue }) => queue.waiting === 1)
    },
    act: idle,
  },
]
