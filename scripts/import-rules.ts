// Import rules as data: one sentence per rule, and every exception with its reason. check-imports.ts reads them;
// ARCHITECTURE.md explains them.

/** Modules under `from` may import only what is under `may`, and each other if `may` says so. */
export interface ImportRule {
  readonly name: string
  /** Matched against paths from the root, such as `src/daemon/domain/job.ts`. */
  readonly from: RegExp
  readonly may: readonly RegExp[]
  readonly except?: readonly ImportException[]
}

export interface ImportException {
  readonly from: RegExp
  readonly to: RegExp
  /** Only `import type`. */
  readonly typeOnly?: true
  readonly reason: string
}

const NODE = /^node:/
const PROTOCOL = /^src\/protocol\//
const CLIENT = /^src\/client\//
const TEXT = /^src\/daemon\/text\//
const DOMAIN = /^src\/daemon\/domain\//
const REQUEST = /^src\/daemon\/request\//
const ANSWER = /^src\/daemon\/answer\//
const CONFIG = /^src\/daemon\/config\//
const RUNTIME = /^src\/daemon\/runtime\//
const SQLITE = /^src\/daemon\/sqlite\//
const OLLAMA = /^src\/daemon\/ollama\//
const WEBHOOKS = /^src\/daemon\/webhooks\//
const SERVICES = /^src\/daemon\/services\//
const HTTP = /^src\/daemon\/http\//
/** The interfaces of the store, the target and the receivers, and the webhook rules that are pure. */
const INTERFACES = /^src\/daemon\/(sqlite\/store|ollama\/target|webhooks\/(webhooks|address-policy|payload))\.ts$/
const UNDICI = /^node_modules\/undici\//
const LOGGER = /^node_modules\/(pino|pino-pretty)\//
const PROMETHEUS = /^node_modules\/@prometheus-io\//
const TERMINAL = /^node_modules\/(commander|string-width)\//

/** What is pure, and the settings and the runtime: everything that a part of the daemon may use beside its own folder. */
const COMMON = [PROTOCOL, TEXT, DOMAIN, CONFIG, RUNTIME, NODE]

/** One line a folder, from the bottom up. */
export const IMPORT_RULES: readonly ImportRule[] = [
  rule('protocol is what daemon and client both know', PROTOCOL, []),
  rule('client runs on Node, Bun and browsers', CLIENT, [PROTOCOL]),
  rule('ai-sdk builds on the client', /^src\/ai-sdk\//, [CLIENT, PROTOCOL, /^node_modules\/@ai-sdk\/provider\//]),
  rule('text is pure: grammars and formatting', TEXT, [/^node:net$/]),
  rule('domain is pure: decisions about jobs', DOMAIN, [PROTOCOL, TEXT]),
  rule("request is pure: reads a caller's bytes", REQUEST, [PROTOCOL, TEXT, DOMAIN]),
  rule("answer is pure: reads the target's bytes", ANSWER, [PROTOCOL, TEXT, DOMAIN]),
  rule('config reads settings', CONFIG, [PROTOCOL, TEXT, NODE]),
  rule('runtime has clock, log, metrics and relay', RUNTIME, [...COMMON, LOGGER, PROMETHEUS]),
  rule('sqlite alone knows SQLite', SQLITE, [PROTOCOL, TEXT, DOMAIN, NODE]),
  rule('ollama alone talks to the target', OLLAMA, [...COMMON, UNDICI]),
  rule('webhooks alone calls receivers', WEBHOOKS, [...COMMON, UNDICI]),
  rule('services are the loops', SERVICES, [...COMMON, REQUEST, ANSWER, INTERFACES]),
  rule('http answers callers', HTTP, [...COMMON, REQUEST, ANSWER, INTERFACES, SERVICES]),
  rule('cli goes through the client', /^src\/cli\//, [CLIENT, PROTOCOL, TEXT, CONFIG, NODE, TERMINAL]),
]

/** Puts the parts together, so it may import everything. */
export const WIRING = 'src/daemon/daemon.ts'

/** Every import that breaks a rule, with its reason. */
export const IMPORT_EXCEPTIONS: readonly ImportException[] = [
  {
    from: /^src\/client\/receiver\.ts$/,
    to: /^node:http$/,
    reason: 'a webhook receiver listens; no browser imports it',
  },
  {
    from: /^src\/daemon\/request\/content-coding\.ts$/,
    to: /^node:zlib$/,
    reason: 'decoding zstd is a pure function of bytes',
  },
  {
    from: /^src\/cli\/serve\.ts$/,
    to: /^src\/daemon\/(daemon|runtime\/(clock|log))\.ts$/,
    reason: 'this command starts the daemon',
  },
]

function rule(name: string, from: RegExp, may: readonly RegExp[]): ImportRule {
  return { name, from, may: [from, ...may] }
}

/** Code that must not occur under `where`, except in the files in `except`. */
export interface TextRule {
  readonly name: string
  readonly where: RegExp
  readonly pattern: RegExp
  /** Path → reason for the exception. */
  readonly except: Readonly<Record<string, string>>
}

export const TEXT_RULES: readonly TextRule[] = [
  {
    name: 'only sqlite/ imports SQLite',
    where: /^src\/(?!daemon\/sqlite\/)/,
    pattern: /['"]node:sqlite['"]/,
    except: {},
  },
  {
    name: 'only config/ and cli/ read the environment and the arguments',
    where: /^src\/(?!daemon\/config\/|cli\/)/,
    pattern: /\bprocess\.(env|argv)\b|\bloadEnvFile\b/,
    except: {},
  },
  {
    name: 'only the injected clock reads time or starts timers',
    where: /^src\/daemon\//,
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b|\bset(Timeout|Interval)\b|\bAbortSignal\.timeout\b|['"](node:)?timers(\/promises)?['"]/,
    except: {
      'src/daemon/runtime/clock.ts': 'it is the clock',
      'src/daemon/runtime/log.ts': 'a line has the real time at which it was written',
      'src/daemon/runtime/log-output.ts': 'the wait for a reader of the log does not depend on the time of the queue',
      'src/daemon/sqlite/worker.ts': 'its own thread, which the clock does not reach; it only retries a full disk',
    },
  },
  {
    name: 'only server.ts listens',
    where: /^src\/daemon\//,
    // A call without an argument starts our own server and does not open a port.
    pattern: /\.listen\([^)]/,
    except: {
      'src/daemon/http/server.ts': 'it is the server',
      'src/daemon/sqlite/inode-lock.ts': 'the name of the socket is the lock; it accepts no connections',
    },
  },
  {
    name: 'only sqlite/ changes jobs: http enqueues and reads',
    where: /^src\/daemon\/http\//,
    pattern: /\bstore\s*\.\s*(claim|apply|recover|interruptAll|prune)\b/,
    except: {},
  },
  {
    name: "only config/sources.ts reads the machine's addresses: the system may refuse",
    where: /^src\//,
    pattern: /\bnetworkInterfaces\b/,
    except: { 'src/daemon/config/sources.ts': 'it handles the refusal' },
  },
  {
    name: 'headersDistinct is not used: it builds all headers again at each read',
    where: /^src\//,
    pattern: /\bheadersDistinct\b/,
    except: {},
  },
]

/** Phrases that CONTRIBUTING.md rules out, in code, comments and messages of src/, in docs/ and in the pages at the root. */
export const PROSE_RULE = {
  where: ['src/**/*.{ts,sql,md}', 'docs/**/*.md', '*.md'],
  pattern:
    /\b(is|are|was|were) no\b|that is none|\b(he|him|his)\b|\bwhoever\b|\bOwns the question\b|§\d|design\.md|spec\.md/i,
} as const

/** A longer file has more than one subject. */
export const MAX_FILE = { lines: 400, where: /^(src|scripts)\// }
