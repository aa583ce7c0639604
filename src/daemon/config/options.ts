// The table of settings. Parsing, the Config type, `--help`, .env.example, docs/configuration.md and `foreman config` are all
// derived from it: a new setting is one row here.

import { addressRule, allowRule, browserOrigin, hostName, httpUrl, listenAddress, targetUrl } from '../text/address.ts'
import {
  duration,
  integer,
  keepAlive,
  list,
  MAX_DURATION_MS,
  oneOf,
  optional,
  type Parser,
  size,
  text,
  yesOrNo,
} from '../text/grammar.ts'
import { basicCredentials, token, webhookSecrets } from './secret.ts'

/** What applies if no value is given: a default text for the same parser, a value that means "absent", or an error. */
type Fallback<T> = { readonly default: string } | { readonly absent: T } | { readonly required: true }

export type Setting<T> = Fallback<T> & {
  readonly name: `FOREMAN_${string}`
  readonly parser: Parser<T>
  /** One or two sentences: what it does. The renderers add units, range and default. */
  readonly about: string
  /** Shown after the name of a setting without a default. */
  readonly example?: string
  /** It has no flag, is never printed, and can be read from a file (`_FILE`). */
  readonly secret?: true
}

const SHORTEST_MS = 10
const DAY_MS = 86_400_000

const some = duration({ min: SHORTEST_MS, max: MAX_DURATION_MS })
const someOr = (zero: string): Parser<number> => duration({ min: SHORTEST_MS, max: MAX_DURATION_MS, zero })

// All bodies that are being read may take 256 MiB of memory together, so a larger one could never come in.
const body = size({ min: 1024, max: 256 * 2 ** 20 })

/** Puts rows under a heading of the help and of docs/configuration.md. */
function chapter<const Rows extends Record<string, Setting<unknown>>>(heading: string, rows: Rows) {
  const entries = Object.entries(rows).map(([key, row]) => [key, { ...row, chapter: heading }])
  return Object.fromEntries(entries) as { readonly [K in keyof Rows]: Rows[K] & { readonly chapter: string } }
}

const TABLE = {
  ...chapter('Target', {
    ollamaUrl: {
      name: 'FOREMAN_OLLAMA_URL',
      required: true,
      parser: targetUrl,
      example: 'http://mac.local:11434',
      about: 'URL of the Ollama server behind this foreman (the target). A path prefix is kept.',
    },
    ollamaToken: {
      name: 'FOREMAN_OLLAMA_TOKEN',
      absent: null,
      parser: optional(token),
      secret: true,
      about: 'Bearer token sent to the target, if a proxy in front of it requires one.',
    },
    ollamaBasic: {
      name: 'FOREMAN_OLLAMA_BASIC',
      absent: null,
      parser: optional(basicCredentials),
      secret: true,
      about: 'HTTP Basic credentials sent to the target, as `user:password`, if a proxy in front of it requires them.',
    },
    embedModel: {
      name: 'FOREMAN_EMBED_MODEL',
      absent: null,
      parser: optional(text('model', 'the name of a model', (name) => (/\s/.test(name) ? 'holds a space' : null))),
      example: 'nomic-embed-text',
      about:
        'Embedding model (the embedder) to load at start and after each reconnect, and to keep in memory (`keep_alive: -1`).',
    },
    keepAlive: {
      name: 'FOREMAN_KEEP_ALIVE',
      default: '30m',
      parser: keepAlive,
      about:
        'Added to native chat and generate requests that carry no `keep_alive`, unless the target would keep the model for longer anyway. It is finite, so that Ollama normally evicts the chat model and not the pinned embedder. `none` never edits a request: use it if OLLAMA_KEEP_ALIVE at the target should apply.',
    },
    pollIntervalMs: {
      name: 'FOREMAN_POLL_INTERVAL',
      default: '30s',
      parser: some,
      about: 'How often the target is probed.',
    },
    unreachableGraceMs: {
      name: 'FOREMAN_UNREACHABLE_GRACE',
      default: '60s',
      parser: duration({ min: 0, max: MAX_DURATION_MS }),
      about: 'How long a waiting call waits for an unreachable target before it gets a 502.',
    },
    embedConcurrency: {
      name: 'FOREMAN_EMBED_CONCURRENCY',
      default: '8',
      parser: integer(1, 1024),
      about: 'Embedding requests at the target at once; the others wait (FOREMAN_EMBED_QUEUE).',
    },
    embedQueue: {
      name: 'FOREMAN_EMBED_QUEUE',
      default: '2048',
      parser: integer(1, 65_536),
      about:
        'Embedding requests that may wait for a place at the target; beyond that, 503. Their bodies also count against the 256 MiB of bodies in flight.',
    },
    allowManagement: {
      name: 'FOREMAN_ALLOW_MANAGEMENT',
      default: 'false',
      parser: yesOrNo,
      about: 'Pass pull, push, create, copy, delete and blob requests on to the target.',
    },
  }),
  ...chapter('Listening and trust', {
    addr: {
      name: 'FOREMAN_ADDR',
      default: '127.0.0.1:8080',
      parser: listenAddress,
      about: 'Listen address. `:8080` listens on every interface; port 0 picks a free port.',
    },
    token: {
      name: 'FOREMAN_TOKEN',
      absent: null,
      parser: optional(token),
      secret: true,
      about:
        'Token that callers must send, as `Authorization: Bearer`, as Basic password or as `x-api-key`. Without it, anyone who can reach the address can use foreman.',
    },
    hosts: {
      name: 'FOREMAN_HOSTS',
      absent: [],
      parser: list(hostName),
      example: 'gpu.example.org',
      about:
        'Host names and addresses under which foreman may be called, in addition to those always allowed: loopback names and, unless it is bound to loopback, every address, single-label and local names.',
    },
    origins: {
      name: 'FOREMAN_ORIGINS',
      absent: [],
      parser: list(browserOrigin),
      example: 'https://chat.example.org,extensions',
      about:
        "Browser origins allowed in addition to Ollama's defaults; `extensions` stands for the schemes of browser extensions.",
    },
    publicUrl: {
      name: 'FOREMAN_PUBLIC_URL',
      absent: null,
      parser: optional(httpUrl),
      example: 'https://gpu.example.org',
      about:
        'Address at which others reach foreman. It is used for the URLs in receipts and webhooks (without it they are paths), and its host is always allowed.',
    },
    clientStallMs: {
      name: 'FOREMAN_CLIENT_STALL',
      default: '60s',
      parser: some,
      about: 'A waiting caller that reads nothing for this long is disconnected.',
    },
    heartbeatMs: {
      name: 'FOREMAN_HEARTBEAT',
      default: '10s',
      parser: someOr('never answer before the target does'),
      about:
        'How long a waiting call stays silent. After that it gets the status line, and a heartbeat at this interval until the first byte of the target. Many clients give up after 300 s of silence, some after 30 s.',
    },
    maxBody: {
      name: 'FOREMAN_MAX_BODY',
      default: '100MiB',
      parser: body,
      about: 'Largest request body; a larger one gets a 413.',
    },
  }),
  ...chapter('Queue', {
    maxQueue: {
      name: 'FOREMAN_MAX_QUEUE',
      default: '1000',
      parser: integer(1, 10_000_000),
      about:
        "Jobs that may wait; beyond that, 503 with Ollama's own text and a `Retry-After` estimated from recent run times.",
    },
    maxQueueBytes: {
      name: 'FOREMAN_MAX_QUEUE_BYTES',
      default: '1GiB',
      parser: size({ min: 1024, max: 16 * 2 ** 40 }),
      about: 'Total size of the request bodies that may wait; beyond that, 503.',
    },
    maxAttempts: {
      name: 'FOREMAN_MAX_ATTEMPTS',
      default: '3',
      parser: integer(1, 1000),
      about: 'Attempts of a job that reached the target. An unreachable target costs no attempt.',
    },
    drainLimitMs: {
      name: 'FOREMAN_DRAIN_LIMIT',
      default: '15m',
      parser: someOr('no bound'),
      about: 'How long jobs for the loaded model go first while jobs for another model wait.',
    },
  }),
  ...chapter('Time limits', {
    runLimitMs: {
      name: 'FOREMAN_RUN_LIMIT',
      default: '0',
      parser: someOr('none'),
      about: 'Longest run of one job.',
    },
    stallLimitMs: {
      name: 'FOREMAN_STALL_LIMIT',
      default: '30m',
      parser: some,
      about: 'A streamed answer fails if no byte comes for this long while the target answers probes.',
    },
    jobTtlMs: {
      name: 'FOREMAN_JOB_TTL',
      default: '24h',
      parser: duration({ min: SHORTEST_MS, max: 3660 * DAY_MS }),
      about: 'Finished jobs are deleted after this time.',
    },
    shutdownGraceMs: {
      name: 'FOREMAN_SHUTDOWN_GRACE',
      default: '8s',
      parser: duration({ min: 0, max: DAY_MS }),
      about: 'How long the running job may go on after SIGTERM. Docker kills after 10 s unless configured otherwise.',
    },
  }),
  ...chapter('Storage', {
    db: {
      name: 'FOREMAN_DB',
      default: 'foreman.db',
      parser: text('path', 'the path of a file on a local disk', (path) => {
        if (path === ':memory:') return 'must be a file: an in-memory queue would lose its jobs'
        return path.startsWith('file:') ? 'is a URI: give a plain path' : null
      }),
      about: 'The database file. It holds prompts and answers: keep it private.',
    },
    maxAnswer: {
      name: 'FOREMAN_MAX_ANSWER',
      default: '64MiB',
      parser: body,
      about:
        'Largest answer of an async job that is kept; a larger one fails the job (`answer_too_large`). Waiting calls have no such limit.',
    },
    minFree: {
      name: 'FOREMAN_MIN_FREE',
      default: '256MiB',
      parser: size({ min: 1, max: 16 * 2 ** 40, zero: 'no minimum' }),
      about: 'Free disk space below which nothing is admitted (503 `storage_full`).',
    },
  }),
  ...chapter('Webhooks', {
    webhookSecrets: {
      name: 'FOREMAN_WEBHOOK_SECRET',
      absent: [],
      parser: webhookSecrets,
      secret: true,
      about:
        'Keys that sign webhooks. List several during a rotation: the first signs `X-Foreman-Signature`, all sign `webhook-signature`. How to verify signatures: docs/webhooks.md.',
    },
    webhookAllow: {
      name: 'FOREMAN_WEBHOOK_ALLOW',
      absent: [],
      parser: list(allowRule),
      example: 'only,192.168.1.0/24,hooks.example.org',
      about:
        'Exceptions to the refused ranges (link-local, metadata, multicast, reserved); foreman itself and its target stay refused. With the word `only`, nothing else is allowed.',
    },
    webhookDeny: {
      name: 'FOREMAN_WEBHOOK_DENY',
      absent: [],
      parser: list(addressRule),
      example: '10.0.0.0/8,router.lan',
      about: 'Addresses and names that webhooks never go to; overrides FOREMAN_WEBHOOK_ALLOW.',
    },
  }),
  ...chapter('Log', {
    logLevel: {
      name: 'FOREMAN_LOG_LEVEL',
      default: 'info',
      parser: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      about: 'Minimum level of the lines written. Prompts, answers and tokens are never logged.',
    },
    logFormat: {
      name: 'FOREMAN_LOG_FORMAT',
      default: 'auto',
      parser: oneOf('auto', 'json', 'pretty'),
      about: '`auto`: pretty on a terminal, JSON lines otherwise.',
    },
  }),
}

type Table = typeof TABLE

/** The settings after loading: each value parsed, checked and in its unit. Nothing outside config/ reads env or argv. */
export type Config = {
  readonly [K in keyof Table]: Table[K] extends { readonly parser: Parser<infer T> } ? T : never
}

/** The type checks that the value of an absent setting fits its parser. */
export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> & { readonly chapter: string } } = TABLE

export const KEYS = Object.keys(SETTINGS) as readonly (keyof Config)[]

/** The flag of `foreman serve`: `--ollama-url` for `FOREMAN_OLLAMA_URL`. Null for a secret: `ps` shows arguments to all users. */
export const flagOf = ({ name, secret }: Pick<Setting<unknown>, 'name' | 'secret'>): string | null =>
  secret === true ? null : flagFor(name)

/** The flag that a variable would have if it were not a secret. */
export const flagFor = (name: Setting<unknown>['name']): string =>
  `--${name.slice('FOREMAN_'.length).toLowerCase().replaceAll('_', '-')}`

/** Where the commands look for the running daemon. It is not a setting of the daemon. */
export const CALLER_URL = {
  name: 'FOREMAN_URL',
  default: 'http://127.0.0.1:8080',
  parser: httpUrl,
  about: 'where foreman listens',
} as const satisfies Setting<string>

/** Every variable that foreman reads, `_FILE` forms included. */
export const KNOWN_NAMES: readonly string[] = [
  ...KEYS.flatMap((key) => {
    const { name, secret } = SETTINGS[key]
    return secret === true ? [name, `${name}_FILE`] : [name]
  }),
  CALLER_URL.name,
]
