// Owns THE table of settings. Parsing, `--help`, .env.example, docs/configuration.md and `foreman config` are all read
// from it: a new setting is one entry here and one line in config.ts.

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
import type { Config } from './config.ts'
import { basicCredentials, token, webhookSecrets } from './secret.ts'

/** Chapters of the help and of the docs page, in this order. */
export const GROUPS = {
  target: 'Target',
  listen: 'Listening and trust',
  queue: 'Queue',
  time: 'Time limits',
  storage: 'Storage',
  webhooks: 'Webhooks',
  log: 'Log',
} as const

export type Group = keyof typeof GROUPS

/** What holds without a value: a default text, read by the same parser; a value that means "absent"; or nothing does. */
type Fallback<T> = { readonly default: string } | { readonly absent: T } | { readonly required: true }

export type Setting<T> = Fallback<T> & {
  readonly name: `FOREMAN_${string}`
  readonly group: Group
  readonly parser: Parser<T>
  /** One or two sentences: what it does. Units, range and default are added by whoever renders it. */
  readonly about: string
  /** Shown after the name where there is no default worth showing. */
  readonly example?: string
  /** Never a flag, never printed, and has a `_FILE` form. */
  readonly secret?: true
}

export type Settings = { readonly [K in keyof Config]: Setting<Config[K]> }

const SHORTEST_MS = 10
const DAY_MS = 86_400_000

const some = duration({ min: SHORTEST_MS, max: MAX_DURATION_MS })
const someOr = (zero: string): Parser<number> => duration({ min: SHORTEST_MS, max: MAX_DURATION_MS, zero })

// All bodies being read together may take 256 MiB of memory (§8), so a larger one could never come in.
const body = size({ min: 1024, max: 256 * 2 ** 20 })

export const SETTINGS: Settings = {
  ollamaUrl: {
    name: 'FOREMAN_OLLAMA_URL',
    group: 'target',
    required: true,
    parser: targetUrl,
    example: 'http://mac.local:11434',
    about: 'The target: the one Ollama server behind this foreman. A path prefix is kept.',
  },
  ollamaToken: {
    name: 'FOREMAN_OLLAMA_TOKEN',
    group: 'target',
    absent: null,
    parser: optional(token),
    secret: true,
    about: 'Bearer token sent to the target, for one behind a proxy that asks for it.',
  },
  ollamaBasic: {
    name: 'FOREMAN_OLLAMA_BASIC',
    group: 'target',
    absent: null,
    parser: optional(basicCredentials),
    secret: true,
    about:
      'Credentials for HTTP Basic sent to the target, as `user:password`, for one behind a proxy that asks for them.',
  },
  embedModel: {
    name: 'FOREMAN_EMBED_MODEL',
    group: 'target',
    absent: null,
    parser: optional(text('model', 'the name of a model', (name) => (/\s/.test(name) ? 'holds a space' : null))),
    example: 'nomic-embed-text',
    about: 'Embedder to load at start and after each reconnect, and to keep in memory for good (`keep_alive: -1`).',
  },
  keepAlive: {
    name: 'FOREMAN_KEEP_ALIVE',
    group: 'target',
    default: '30m',
    parser: keepAlive,
    about:
      'Put into native chat and generate requests that carry no `keep_alive`, unless the target would hold the model for longer anyway. Finite, so that Ollama as a rule evicts the worker and not the pinned embedder. `none` never edits a request: set it where OLLAMA_KEEP_ALIVE at the target is to rule.',
  },
  pollIntervalMs: {
    name: 'FOREMAN_POLL_INTERVAL',
    group: 'target',
    default: '30s',
    parser: some,
    about: 'How often the target is probed.',
  },
  unreachableGraceMs: {
    name: 'FOREMAN_UNREACHABLE_GRACE',
    group: 'target',
    default: '60s',
    parser: duration({ min: 0, max: MAX_DURATION_MS }),
    about: 'How long a blocked caller waits for an unreachable target before a 502.',
  },
  embedConcurrency: {
    name: 'FOREMAN_EMBED_CONCURRENCY',
    group: 'target',
    default: '8',
    parser: integer(1, 1024),
    about: 'Embedding requests at the target at once; the others wait (FOREMAN_EMBED_QUEUE).',
  },
  embedQueue: {
    name: 'FOREMAN_EMBED_QUEUE',
    group: 'target',
    default: '2048',
    parser: integer(1, 65_536),
    about:
      'Embedding requests that wait for a place at the target, then 503. Their bodies count against the 256 MiB of bodies in flight as well.',
  },
  allowManagement: {
    name: 'FOREMAN_ALLOW_MANAGEMENT',
    group: 'target',
    default: 'false',
    parser: yesOrNo,
    about: 'Let pull, push, create, copy, delete and blobs through to the target.',
  },

  addr: {
    name: 'FOREMAN_ADDR',
    group: 'listen',
    default: '127.0.0.1:8080',
    parser: listenAddress,
    about: 'Listen address. `:8080` is every interface; port 0 takes a free one.',
  },
  token: {
    name: 'FOREMAN_TOKEN',
    group: 'listen',
    absent: null,
    parser: optional(token),
    secret: true,
    about:
      'What callers must send, as `Authorization: Bearer`, as Basic password or as `x-api-key`. Without it everybody who can reach the address may use it.',
  },
  hosts: {
    name: 'FOREMAN_HOSTS',
    group: 'listen',
    absent: [],
    parser: list(hostName),
    example: 'gpu.example.org',
    about:
      'Host names and addresses under which this foreman may be called, beside those that always may: loopback names, and unless it is bound to loopback, every address, single-label and local names.',
  },
  origins: {
    name: 'FOREMAN_ORIGINS',
    group: 'listen',
    absent: [],
    parser: list(browserOrigin),
    example: 'https://chat.example.org,extensions',
    about: "Browser origins added to Ollama's default set; `extensions` stands for the schemes of browser extensions.",
  },
  publicUrl: {
    name: 'FOREMAN_PUBLIC_URL',
    group: 'listen',
    absent: null,
    parser: optional(httpUrl),
    example: 'https://gpu.example.org',
    about:
      'Where others reach this foreman: its host is always allowed. Base of absolute URLs in receipts and webhooks; without it they are paths.',
  },
  clientStallMs: {
    name: 'FOREMAN_CLIENT_STALL',
    group: 'listen',
    default: '60s',
    parser: some,
    about: 'A blocked caller who takes no byte for this long is gone.',
  },
  heartbeatMs: {
    name: 'FOREMAN_HEARTBEAT',
    group: 'listen',
    default: '10s',
    parser: someOr('never answer before the target does'),
    about:
      'How long a blocked caller is held in silence; after that he gets the status line and a heartbeat in this rhythm until the first byte of the target. Many clients give up after 300 s of silence, some after 30 s.',
  },
  maxBody: {
    name: 'FOREMAN_MAX_BODY',
    group: 'listen',
    default: '100MiB',
    parser: body,
    about: 'Largest request body; a larger one is a 413.',
  },

  maxQueue: {
    name: 'FOREMAN_MAX_QUEUE',
    group: 'queue',
    default: '1000',
    parser: integer(1, 10_000_000),
    about: "Jobs that may wait; then 503 with Ollama's own text and an honest `Retry-After`.",
  },
  maxQueueBytes: {
    name: 'FOREMAN_MAX_QUEUE_BYTES',
    group: 'queue',
    default: '1GiB',
    parser: size({ min: 1024, max: 16 * 2 ** 40 }),
    about: 'Request bodies that may wait, together; then 503.',
  },
  maxAttempts: {
    name: 'FOREMAN_MAX_ATTEMPTS',
    group: 'queue',
    default: '3',
    parser: integer(1, 1000),
    about: 'Attempts of a job that reached the target. A sleeping target costs none.',
  },
  drainLimitMs: {
    name: 'FOREMAN_DRAIN_LIMIT',
    group: 'queue',
    default: '15m',
    parser: someOr('no bound'),
    about: 'How long one model is drained while jobs for another one wait.',
  },

  runLimitMs: {
    name: 'FOREMAN_RUN_LIMIT',
    group: 'time',
    default: '0',
    parser: someOr('none'),
    about: 'Longest run of one job.',
  },
  stallLimitMs: {
    name: 'FOREMAN_STALL_LIMIT',
    group: 'time',
    default: '30m',
    parser: some,
    about: 'A streamed answer without a byte for this long, while the target answers probes, has failed.',
  },
  jobTtlMs: {
    name: 'FOREMAN_JOB_TTL',
    group: 'time',
    default: '24h',
    parser: duration({ min: SHORTEST_MS, max: 3660 * DAY_MS }),
    about: 'Finished jobs are deleted after this.',
  },
  shutdownGraceMs: {
    name: 'FOREMAN_SHUTDOWN_GRACE',
    group: 'time',
    default: '8s',
    parser: duration({ min: 0, max: DAY_MS }),
    about: 'On SIGTERM, how long the running job may go on. Docker kills after 10 s unless told otherwise.',
  },

  db: {
    name: 'FOREMAN_DB',
    group: 'storage',
    default: 'foreman.db',
    parser: text('path', 'the path of a file on a local disk', (path) => {
      if (path === ':memory:') return 'is no file: a queue that forgets is not this one'
      return path.startsWith('file:') ? 'is a URI: a plain path is wanted' : null
    }),
    about: 'The database file. It holds prompts and answers: keep it private.',
  },
  maxAnswer: {
    name: 'FOREMAN_MAX_ANSWER',
    group: 'storage',
    default: '64MiB',
    parser: body,
    about:
      'Largest answer of an async job that is kept; a larger one fails its job (`answer_too_large`). Callers who wait are not bounded by it.',
  },
  minFree: {
    name: 'FOREMAN_MIN_FREE',
    group: 'storage',
    default: '256MiB',
    parser: size({ min: 1, max: 16 * 2 ** 40, zero: 'not watched' }),
    about: 'Free disk space below which nothing is admitted (503 `storage_full`).',
  },

  webhookSecrets: {
    name: 'FOREMAN_WEBHOOK_SECRET',
    group: 'webhooks',
    absent: [],
    parser: webhookSecrets,
    secret: true,
    about:
      'Signs webhooks. Several while rotating: the first signs `X-Foreman-Signature`, all sign `webhook-signature`. How to verify them: docs/webhooks.md.',
  },
  webhookAllow: {
    name: 'FOREMAN_WEBHOOK_ALLOW',
    group: 'webhooks',
    absent: [],
    parser: list(allowRule),
    example: 'only,192.168.1.0/24,hooks.example.org',
    about:
      'Exceptions to the refused ranges (link-local, metadata, multicast, reserved), never foreman itself or its target; with the word `only` in it, nothing else is allowed.',
  },
  webhookDeny: {
    name: 'FOREMAN_WEBHOOK_DENY',
    group: 'webhooks',
    absent: [],
    parser: list(addressRule),
    example: '10.0.0.0/8,router.lan',
    about: 'Where webhooks may never go; wins over the list of exceptions.',
  },

  logLevel: {
    name: 'FOREMAN_LOG_LEVEL',
    group: 'log',
    default: 'info',
    parser: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    about: 'The least important lines that are written. Prompts, answers and tokens are in none of them.',
  },
  logFormat: {
    name: 'FOREMAN_LOG_FORMAT',
    group: 'log',
    default: 'auto',
    parser: oneOf('auto', 'json', 'pretty'),
    about: '`auto`: pretty on a terminal, JSON lines otherwise.',
  },
}

export const KEYS = Object.keys(SETTINGS) as readonly (keyof Config)[]

/** `FOREMAN_OLLAMA_URL` is `--ollama-url` to `foreman serve`; a secret has none, because `ps` shows arguments to everybody. */
export function flagOf(setting: Pick<Setting<unknown>, 'name' | 'secret'>): string | null {
  return setting.secret === true
    ? null
    : `--${setting.name.slice('FOREMAN_'.length).toLowerCase().replaceAll('_', '-')}`
}

/** Read by the commands that talk to a running daemon, and no setting of the daemon itself. */
export const CALLER_URL = 'FOREMAN_URL'

/** Every variable that means something, `_FILE` forms included. */
export const KNOWN_NAMES: readonly string[] = [
  ...KEYS.flatMap((key) => {
    const { name, secret } = SETTINGS[key]
    return secret === true ? [name, `${name}_FILE`] : [name]
  }),
  CALLER_URL,
]
