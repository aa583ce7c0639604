// Owns what a queue may do to a client, one scenario each: how foreman is set, what the target does, what is true in the
// end, and which cell of the bar it is held against. The fake target is scripted; foreman is the whole program.

import { breaksWith, cut, type Script, unmarked } from '../../fake-ollama.ts'
import { begin, post } from '../../ollama/exchange.ts'
import type { Injury } from './bar.ts'
import { failsEverywhere, isGone } from './failing.ts'
import type { Truth } from './outcome.ts'
import type { Stage } from './stage.ts'
import type { Way } from './way.ts'

export interface Scenario {
  readonly name: string
  /** FOREMAN_… variables. */
  readonly settings: Readonly<Record<string, string>>
  readonly truth: Truth
  /** What of the bar it is. */
  readonly injury: (way: Way) => Injury
  /** Who can be hurt so; default: everybody. */
  readonly happensTo?: (way: Way) => boolean
  /** Before anybody asks. */
  readonly prepare: (stage: Stage) => Promise<void> | void
  /** Once everybody has asked. */
  readonly play: (stage: Stage) => Promise<void> | void
}

export const MODEL = 'tiny-a'
/** The gate at which the fake holds each chat. */
export const TURN = 'turn'
export const RIGHT = 'Hello world!'

/** Every endpoint by which the clients of the matrix chat. */
const NATIVE: readonly string[] = ['/api/chat', '/api/generate']
export const CHATS: readonly string[] = [...NATIVE, '/v1/chat/completions', '/v1/messages']

const answersWith = (script: Script) => (stage: Stage) => {
  for (const path of CHATS) stage.fake.always(path, script)
}

const failure = (...sentences: string[]): Truth => ({ text: null, sentences })
const idle = () => undefined

/** Nobody is answered by the target before he has been kept waiting for three beats. */
const BEATS = 3
const slowly = { FOREMAN_HEARTBEAT: '50ms' }
/** No answer is begun before the target's own. */
const promptly = { FOREMAN_HEARTBEAT: '0' }

const DIED = 'llama-server process has terminated: exit status 2'
const INCOMPLETE = "the target's answer ended before it was complete"
const BROKE = 'an error was encountered while running the model: unexpected EOF'

/** Each chat waits at the target for its turn. Not at `head`: probes pass there as well. */
const answersInTurn = (script: Script) => (stage: Stage) => {
  answersWith({ ...script, gate: TURN })(stage)
  stage.fake.hold(TURN)
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'waits in the queue',
    settings: slowly,
    truth: { text: RIGHT, sentences: [] },
    injury: () => 'kept alive',
    prepare: answersInTurn({}),
    play: (stage) => stage.letThroughAfter(BEATS),
  },
  {
    name: 'waits, then the target fails',
    settings: slowly,
    truth: failure(DIED),
    injury: () => 'record and cut',
    prepare({ fake }) {
      failsEverywhere(fake, 500, DIED, { gate: TURN })
      fake.hold(TURN)
    },
    play: (stage) => stage.letThroughAfter(BEATS),
  },
  {
    name: 'waits, then the target is unreachable',
    settings: { ...slowly, FOREMAN_POLL_INTERVAL: '500ms', FOREMAN_UNREACHABLE_GRACE: '500ms' },
    truth: failure('the target does not answer'),
    injury: () => 'record and cut',
    prepare: (stage) => stage.pause(),
    async play(stage) {
      await stage.everybodyWaits(BEATS)
      isGone(stage.fake)
    },
  },
  {
    name: 'waits, then the job is cancelled',
    settings: slowly,
    truth: failure('request canceled'),
    injury: () => 'record and cut',
    prepare: (stage) => stage.pause(),
    play: (stage) => stage.cancelWhoeverWaits(BEATS),
  },
  {
    // On /v1 Ollama swallows the error that its own surface gives, and ends without the last record.
    name: 'error during the answer',
    settings: promptly,
    truth: failure(BROKE, INCOMPLETE),
    happensTo: ({ streams }) => streams,
    injury: () => 'record and cut',
    prepare(stage) {
      answersWith(unmarked(2))(stage)
      for (const path of NATIVE) stage.fake.always(path, breaksWith(BROKE))
    },
    play: idle,
  },
  {
    name: 'connection lost during the answer',
    settings: promptly,
    truth: failure('lost in the middle of the answer'),
    happensTo: ({ streams }) => streams,
    injury: () => 'cut',
    prepare: answersWith(cut('fin', 2)),
    play: idle,
  },
  {
    name: 'connection lost within a record',
    settings: promptly,
    truth: failure('lost in the middle of the answer'),
    happensTo: ({ streams }) => streams,
    injury: () => 'cut',
    prepare: answersWith(cut('fin', 2, true)),
    play: idle,
  },
  {
    name: 'connection lost during the answer',
    settings: { ...promptly, FOREMAN_MAX_ATTEMPTS: '1' },
    truth: failure('the target was lost 1 times'),
    happensTo: ({ streams }) => !streams,
    injury: () => 'cut',
    prepare: answersWith(cut('fin', 0, true)),
    play: idle,
  },
  {
    // A document of /v1 that is valid JSON cannot be told from a whole one.
    name: 'answer without its last record',
    settings: promptly,
    truth: failure(INCOMPLETE),
    happensTo: ({ streams, endpoint }) => streams || NATIVE.includes(endpoint),
    injury: ({ streams }) => (streams ? 'unmarked end' : 'cut'),
    prepare: answersWith(unmarked()),
    play: idle,
  },
  {
    name: 'queue full',
    settings: { ...promptly, FOREMAN_MAX_QUEUE: '1' },
    truth: failure('server busy, please try again.  maximum pending requests exceeded'),
    injury: () => 'busy',
    async prepare(stage) {
      await stage.pause()
      void begin(
        stage.foreman.url,
        post('/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'x' }] }),
      ).catch(() => undefined)
      await stage.foreman.shows('a full queue', ({ queue }) => queue.waiting === 1)
    },
    play: idle,
  },
]
