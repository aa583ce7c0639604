// Values that the settings of the target accept and refuse, at and around their limits.

import type { Config } from '../../src/daemon/config/options.ts'
import { DAY, neverADuration, neverAnInteger, neverAToken, neverAUrl } from './setting-values.ts'

export interface Cases<T> {
  readonly name: string
  /** The value if the setting is absent. */
  readonly unset: T | 'required'
  readonly good: readonly (readonly [text: string, value: T])[]
  /** A text, and a part of the reason for its refusal. */
  readonly bad: readonly (readonly [text: string, why: string])[]
}

export type Table = { readonly [K in keyof Config]: Cases<Config[K]> }

export const TARGET_CASES = {
  ollamaUrl: {
    name: 'FOREMAN_OLLAMA_URL',
    unset: 'required',
    good: [
      ['http://mac.local:11434', 'http://mac.local:11434'],
      ['http://mac.local:11434/', 'http://mac.local:11434'],
      ['https://gpu.example.org/ollama', 'https://gpu.example.org/ollama'],
      ['https://gpu.example.org/a/b//', 'https://gpu.example.org/a/b'],
      ['HTTP://MAC.local:80/', 'http://mac.local'],
      ['http://[::1]:11434', 'http://[::1]:11434'],
      ['http://127.1:11434', 'http://127.0.0.1:11434'],
      ['http://mac.local:6000', 'http://mac.local:6000'],
    ],
    bad: neverAUrl,
  },
  ollamaToken: {
    name: 'FOREMAN_OLLAMA_TOKEN',
    unset: null,
    good: [['s3cret', 's3cret']],
    bad: neverAToken,
  },
  ollamaBasic: {
    name: 'FOREMAN_OLLAMA_BASIC',
    unset: null,
    good: [
      ['user:s3cret', 'user:s3cret'],
      ['üser:pass word:with:colons', 'üser:pass word:with:colons'],
      [':', ':'],
    ],
    bad: [
      ['user', 'no colon'],
      ['user:changeme', 'placeholder'],
      ['user:line\nbreak', 'line break'],
    ],
  },
  embedModel: {
    name: 'FOREMAN_EMBED_MODEL',
    unset: null,
    good: [
      ['nomic-embed-text', 'nomic-embed-text'],
      ['hf.co/Some/Embedder:Q8_0', 'hf.co/Some/Embedder:Q8_0'],
    ],
    bad: [
      ['', 'empty'],
      ['two models', 'space'],
      ['bell\u0007', 'control'],
    ],
  },
  keepAlive: {
    name: 'FOREMAN_KEEP_ALIVE',
    unset: '30m',
    good: [
      ['none', null],
      ['5m', '5m'],
      ['1h30m', '1h30m'],
      ['0', '0s'],
      ['90', '90s'],
      ['1.5h', '1.5h'],
    ],
    bad: [
      ['', 'not a duration'],
      ['-1', 'never ends'],
      ['-5m', 'never ends'],
      ['5 m', 'not a duration'],
      ['1d', 'not a duration'],
      ['30m"', 'not a duration'],
      ['99999999h', 'ten years'],
      ['9'.repeat(400), 'ten years'],
      ['None', 'not a duration'],
    ],
  },
  pollIntervalMs: {
    name: 'FOREMAN_POLL_INTERVAL',
    unset: 30_000,
    good: [
      ['10ms', 10],
      ['500ms', 500],
      ['576h', 24 * DAY],
    ],
    bad: [...neverADuration, ['0', 'too short'], ['9ms', 'too short'], ['577h', 'too long']],
  },
  unreachableGraceMs: {
    name: 'FOREMAN_UNREACHABLE_GRACE',
    unset: 60_000,
    good: [
      ['0', 0],
      ['0s', 0],
      ['1ms', 1],
      ['576h', 24 * DAY],
    ],
    bad: [...neverADuration, ['577h', 'too long']],
  },
  embedConcurrency: {
    name: 'FOREMAN_EMBED_CONCURRENCY',
    unset: 8,
    good: [
      ['1', 1],
      ['1024', 1024],
    ],
    bad: [...neverAnInteger, ['0', 'too small'], ['1025', 'too large']],
  },
  embedQueue: {
    name: 'FOREMAN_EMBED_QUEUE',
    unset: 2048,
    good: [
      ['1', 1],
      ['65536', 65536],
    ],
    bad: [...neverAnInteger, ['0', 'too small'], ['65537', 'too large']],
  },
  allowManagement: {
    name: 'FOREMAN_ALLOW_MANAGEMENT',
    unset: false,
    good: [
      ['true', true],
      ['1', true],
      ['false', false],
      ['0', false],
    ],
    bad: [
      ['', 'neither'],
      ['yes', 'neither'],
      ['TRUE', 'neither'],
    ],
  },
} satisfies Partial<Table>
