// Owns who may import whom, as data: one sentence a rule, and every exception with its reason. The reader of these is
// check-imports.ts; the picture behind them is ARCHITECTURE.md.

/** Modules under `from` may import only what is under `may`, and each other if `may` says so. */
export interface ImportRule {
  readonly name: string
  /** Matched against paths from the root, such as `src/daemon/job.ts`. */
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
const CONFIG = /^src\/daemon\/config\//
const CLOCK = /^src\/daemon\/clock\.ts$/
const LOG = /^src\/daemon\/log(-output)?\.ts$/
const METRICS = /^src\/daemon\/(metrics|metric-table|metric-entry|loop-delay)\.ts$/
const RELAY = /^src\/daemon\/relay\.ts$/
const STORE_WORDS = /^src\/daemon\/store\/store\.ts$/
const TARGET_WORDS = /^src\/daemon\/target\/target\.ts$/
const WEBHOOKS = /^src\/daemon\/webhooks\//
const WEBHOOK_WORDS = /^src\/daemon\/webhooks\/webhooks\.ts$/
const SERVICES = /^src\/daemon\/services\//
const HTTP = /^src\/daemon\/http\//

/** What lies in src/daemon itself is the domain, but for the parts that touch the world; so are the two folders that read. */
const DOMAIN =
  /^src\/daemon\/(?!(daemon|clock|log|log-output|loop-delay|metrics|metric-table|metric-entry|relay)\.ts$)((request|answer)\/)?[^/]+\.ts$/

export const IMPORT_RULES: readonly ImportRule[] = [
  { name: 'protocol imports nothing', from: PROTOCOL, may: [PROTOCOL] },
  {
    name: 'client imports protocol only, so that it runs anywhere',
    from: /^src\/client\//,
    may: [/^src\/client\//, PROTOCOL],
    except: [
      {
        from: /\/client\/receiver\.ts$/,
        to: /^node:http$/,
        reason: 'a receiver listens; it is imported when the first one is opened, which no browser does',
      },
    ],
  },
  {
    name: 'the AI SDK provider is one more program on top of the client, and installs nothing',
    from: /^src\/ai-sdk\//,
    may: [/^src\/ai-sdk\//, /^src\/client\//, PROTOCOL],
  },
  {
    name: 'domain is pure: protocol and each other, nothing of Node',
    from: DOMAIN,
    may: [DOMAIN, PROTOCOL],
    except: [
      {
        from: /\/awake-clock\.ts$/,
        to: CLOCK,
        typeOnly: true,
        reason: 'it is a clock itself, made from the one it is given',
      },
      {
        from: /\/content-coding\.ts$/,
        to: /^node:zlib$/,
        reason: 'decoding zstd is a function of bytes, and nobody wants a second implementation',
      },
      {
        from: /\/job-wishes\.ts$/,
        to: /\/config\/grammar\.ts$/,
        reason: 'a duration is written in one way, in a setting and in a job; the grammar is pure',
      },
      {
        from: /\/mistyped-key\.ts$/,
        to: /\/config\/nearest\.ts$/,
        reason: 'how far a name is from another is counted in one way, for settings and for keys; it is pure',
      },
      {
        from: /\/(webhook-payload|job-document)\.ts$/,
        to: STORE_WORDS,
        typeOnly: true,
        reason: 'what the store keeps of a job is what it is made from',
      },
      {
        from: /\/inventory\.ts$/,
        to: TARGET_WORDS,
        typeOnly: true,
        reason: 'what a probe yields is what it is made from',
      },
    ],
  },
  { name: 'the clock imports nothing', from: CLOCK, may: [] },
  {
    name: 'the log knows pino and the settings',
    from: LOG,
    may: [LOG, CONFIG, /^node_modules\/pino(-pretty)?\//, NODE],
  },
  {
    name: 'the relay carries bytes and knows the words only',
    from: RELAY,
    may: [DOMAIN, PROTOCOL, TARGET_WORDS],
  },
  {
    name: 'config reads settings and knows nothing of the daemon',
    from: CONFIG,
    may: [CONFIG, PROTOCOL, NODE],
    except: [
      {
        from: /\/config\/conflict\.ts$/,
        to: /\/ip-address\.ts$/,
        reason: 'whether a host is a loopback one is decided in one place; the reading of addresses is pure',
      },
    ],
  },
  {
    name: 'store knows SQLite, the domain and no other part',
    from: /^src\/daemon\/store\//,
    may: [/^src\/daemon\/store\//, DOMAIN, PROTOCOL, NODE],
  },
  {
    name: 'target knows Ollama, the domain and no other part',
    from: /^src\/daemon\/target\//,
    may: [/^src\/daemon\/target\//, DOMAIN, PROTOCOL, CLOCK, LOG, CONFIG, NODE, /^node_modules\/undici\//],
  },
  {
    name: 'webhooks calls receivers; it knows the domain and no other part',
    from: WEBHOOKS,
    may: [WEBHOOKS, DOMAIN, PROTOCOL, CLOCK, LOG, CONFIG, NODE, /^node_modules\/undici\//],
  },
  {
    name: 'services use store, target and webhooks through their words, and never the HTTP half',
    from: SERVICES,
    may: [
      SERVICES,
      DOMAIN,
      PROTOCOL,
      RELAY,
      STORE_WORDS,
      TARGET_WORDS,
      WEBHOOK_WORDS,
      CLOCK,
      LOG,
      METRICS,
      CONFIG,
      NODE,
    ],
  },
  {
    name: 'http uses store and target through their words',
    from: HTTP,
    may: [HTTP, DOMAIN, PROTOCOL, RELAY, SERVICES, STORE_WORDS, TARGET_WORDS, CLOCK, LOG, METRICS, CONFIG, NODE],
  },
  {
    name: 'metrics counts, and reads what it counts through App',
    from: METRICS,
    may: [
      METRICS,
      DOMAIN,
      PROTOCOL,
      CLOCK,
      /^src\/daemon\/http\/app\.ts$/,
      STORE_WORDS,
      NODE,
      /^node_modules\/@prometheus-io\//,
    ],
  },
  {
    name: 'the command line goes through the client, never to the daemon or its database',
    from: /^src\/cli\//,
    may: [/^src\/cli\//, /^src\/client\//, PROTOCOL, CONFIG, NODE, /^node_modules\/commander\//],
    except: [
      {
        from: /\/cli\/serve\.ts$/,
        to: /^src\/daemon\/(daemon|clock|log)\.ts$/,
        reason: 'it is the command that starts the daemon',
      },
    ],
  },
]

/** Code that must not stand anywhere under `where`, but for the files in `except`. */
export interface TextRule {
  readonly name: string
  readonly where: RegExp
  readonly pattern: RegExp
  /** Path → why it may. */
  readonly except: Readonly<Record<string, string>>
}

export const TEXT_RULES: readonly TextRule[] = [
  {
    name: 'only store/ imports SQLite',
    where: /^src\/(?!daemon\/store\/)/,
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
      'src/daemon/clock.ts': 'it is the clock',
      'src/daemon/log.ts': 'a line carries the time at which it was written, which no test steps',
      'src/daemon/log-output.ts': 'how long a reader of the log is waited for is no time of the queue',
      'src/daemon/store/worker.ts': 'a thread of its own, out of reach of the clock; it only tries a full disk again',
    },
  },
  {
    name: 'only server.ts listens',
    where: /^src\/daemon\//,
    // Without an argument it is our own server that is started, not a port that is opened.
    pattern: /\.listen\([^)]/,
    except: {
      'src/daemon/http/server.ts': 'it is the server',
      'src/daemon/store/inode-lock.ts': 'the name of a socket is its lock; nobody connects to it',
    },
  },
  {
    name: 'only store/ changes jobs: http enqueues and reads',
    where: /^src\/daemon\/http\//,
    pattern: /\bstore\s*\.\s*(claim|apply|recover|interruptAll|prune)\b/,
    except: {},
  },
  {
    name: "only interface-addresses.ts asks for the machine's addresses: the system may refuse",
    where: /^src\//,
    pattern: /\bnetworkInterfaces\b/,
    except: { 'src/daemon/config/interface-addresses.ts': 'it is the guard' },
  },
  {
    name: 'headersDistinct is not used: it builds all headers anew at each read',
    where: /^src\//,
    pattern: /\bheadersDistinct\b/,
    except: {},
  },
]

/** A file that grows beyond this holds more than one noun. */
export const LONGEST_FILE = { lines: 400, where: /^(src|scripts)\// }
