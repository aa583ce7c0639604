// Table of accepted and rejected values of each setting, at and around its limits. A missing setting is a type error.

import {
  bytesOf,
  DAY,
  MIB,
  neverADuration,
  neverAnInteger,
  neverARule,
  neverASize,
  neverAToken,
  neverAUrl,
} from './setting-values.ts'
import { TARGET_CASES, type Table } from './target-setting-cases.ts'

export type { Cases } from './target-setting-cases.ts'

export const CASES: Table = {
  ...TARGET_CASES,
  addr: {
    name: 'FOREMAN_ADDR',
    unset: { host: '127.0.0.1', port: 8080 },
    good: [
      [':8080', { host: '', port: 8080 }],
      ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
      ['localhost:65535', { host: 'localhost', port: 65_535 }],
      ['[::1]:8080', { host: '::1', port: 8080 }],
      ['[fe80::1%eth0]:8080', { host: 'fe80::1%eth0', port: 8080 }],
      ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
    ],
    bad: [
      ['', 'no port'],
      ['8080', 'did you mean :8080'],
      ['localhost', 'did you mean localhost:8080'],
      ['localhost:', 'no valid port'],
      ['localhost:abc', 'no valid port'],
      ['localhost:-1', 'no valid port'],
      ['localhost:70000', 'above 65535'],
      ['::1', 'did you mean [::1]:8080'],
      ['fd00::5:x:8080', 'no valid port'],
      ['::ffff:1.2.3.4:8080', 'did you mean [::ffff:1.2.3.4]:8080'],
      ['[localhost]:8080', 'IPv6 in brackets'],
      ['*:8080', 'did you mean :8080'],
      ['http://localhost:8080', 'is a URL'],
      ['a b:8080', 'no valid host'],
      ['127.1:8080', 'no valid host'],
      ['300.1.1.1:8080', 'no valid host'],
    ],
  },
  token: {
    name: 'FOREMAN_TOKEN',
    unset: null,
    good: [
      ['x', 'x'],
      ['a,b"c\\#=', 'a,b"c\\#='],
    ],
    bad: neverAToken,
  },
  hosts: {
    name: 'FOREMAN_HOSTS',
    unset: [],
    good: [
      ['gpu.example.org', ['gpu.example.org']],
      ['GPU.example.org., my_box', ['gpu.example.org', 'my_box']],
      ['10.0.0.1,[2001:0DB8::1],fd00::5', ['10.0.0.1', '2001:db8::1', 'fd00::5']],
    ],
    bad: [
      ['', 'empty item'],
      ['a,,b', 'empty item'],
      ['gpu.example.org:8080', 'has a port'],
      ['http://gpu.example.org', 'is a URL'],
      ['10.0.0.1:80', 'has a port'],
      ['[fd00::5]:80', 'has a port'],
      ['*.example.org', 'not a host name'],
      ['-a', 'not a host name'],
    ],
  },
  origins: {
    name: 'FOREMAN_ORIGINS',
    unset: [],
    good: [
      ['extensions', ['extensions']],
      ['*', ['*']],
      ['https://Chat.example.org, http://*.lan:*', ['https://chat.example.org', 'http://*.lan:*']],
      ['app://obsidian.md,http://[::1]:3000', ['app://obsidian.md', 'http://[::1]:3000']],
      ['file://', ['file://']],
    ],
    bad: [
      ['chat.example.org', 'no scheme'],
      ['https://chat.example.org/', 'did you mean https://chat.example.org?'],
      ['https://chat.example.org/app', 'not an origin'],
      ['https://user@chat.example.org', 'not an origin'],
      ['null', 'no scheme'],
    ],
  },
  publicUrl: {
    name: 'FOREMAN_PUBLIC_URL',
    unset: null,
    good: [['https://gpu.example.org/foreman/', 'https://gpu.example.org/foreman']],
    bad: neverAUrl,
  },
  clientStallMs: {
    name: 'FOREMAN_CLIENT_STALL',
    unset: 60_000,
    good: [['10ms', 10]],
    bad: [...neverADuration, ['0', 'too short'], ['577h', 'too long']],
  },
  heartbeatMs: {
    name: 'FOREMAN_HEARTBEAT',
    unset: 10_000,
    good: [
      ['0', 0],
      ['0s', 0],
      ['10ms', 10],
    ],
    bad: [...neverADuration, ['9ms', 'too short'], ['577h', 'too long']],
  },
  maxBody: {
    name: 'FOREMAN_MAX_BODY',
    unset: 100 * MIB,
    good: [
      ['1024', 1024],
      ['1KiB', 1024],
      ['256MiB', 256 * MIB],
    ],
    bad: [...neverASize, ['0', 'too small'], ['1023', 'too small'], ['257MiB', 'too large'], ['8TiB', 'too large']],
  },
  maxQueue: {
    name: 'FOREMAN_MAX_QUEUE',
    unset: 1000,
    good: [
      ['1', 1],
      ['10000000', 10_000_000],
    ],
    bad: [...neverAnInteger, ['0', 'too small'], ['-1', 'too small'], ['1000000000000', 'too large']],
  },
  maxQueueBytes: {
    name: 'FOREMAN_MAX_QUEUE_BYTES',
    unset: 1024 * MIB,
    good: [
      ['1KiB', 1024],
      ['16TiB', 16 * 2 ** 40],
    ],
    bad: [...neverASize, ['0', 'too small'], ['17TiB', 'too large']],
  },
  maxAttempts: {
    name: 'FOREMAN_MAX_ATTEMPTS',
    unset: 3,
    good: [
      ['1', 1],
      ['1000', 1000],
    ],
    bad: [...neverAnInteger, ['0', 'too small'], ['1001', 'too large']],
  },
  drainLimitMs: {
    name: 'FOREMAN_DRAIN_LIMIT',
    unset: 900_000,
    good: [
      ['0', 0],
      ['10ms', 10],
    ],
    bad: [...neverADuration, ['1ms', 'too short'], ['577h', 'too long']],
  },
  runLimitMs: {
    name: 'FOREMAN_RUN_LIMIT',
    unset: 0,
    good: [
      ['0', 0],
      ['2h', 7_200_000],
    ],
    bad: [...neverADuration, ['1ms', 'too short'], ['577h', 'too long']],
  },
  stallLimitMs: {
    name: 'FOREMAN_STALL_LIMIT',
    unset: 1_800_000,
    good: [['10ms', 10]],
    bad: [...neverADuration, ['0', 'too short'], ['577h', 'too long']],
  },
  jobTtlMs: {
    name: 'FOREMAN_JOB_TTL',
    unset: DAY,
    good: [
      ['10ms', 10],
      ['87840h', 3660 * DAY],
    ],
    bad: [...neverADuration, ['0', 'too short'], ['87841h', 'too long']],
  },
  shutdownGraceMs: {
    name: 'FOREMAN_SHUTDOWN_GRACE',
    unset: 8_000,
    good: [
      ['0', 0],
      ['24h', DAY],
    ],
    bad: [...neverADuration, ['25h', 'too long']],
  },
  db: {
    name: 'FOREMAN_DB',
    unset: 'foreman.db',
    good: [
      ['data/queue.db', 'data/queue.db'],
      ['my queue.db', 'my queue.db'],
    ],
    bad: [
      ['', 'empty'],
      [':memory:', 'must be a file'],
      ['file:queue.db?mode=ro', 'URI'],
      ['a\u0000b', 'control'],
    ],
  },
  maxAnswer: {
    name: 'FOREMAN_MAX_ANSWER',
    unset: 64 * MIB,
    good: [
      ['1KiB', 1024],
      ['256MiB', 256 * MIB],
    ],
    bad: [...neverASize, ['0', 'too small'], ['1GiB', 'too large']],
  },
  minFree: {
    name: 'FOREMAN_MIN_FREE',
    unset: 256 * MIB,
    good: [
      ['0', 0],
      ['1', 1],
      ['10GiB', 10 * 2 ** 30],
    ],
    bad: [...neverASize, ['17TiB', 'too large']],
  },
  webhookSecrets: {
    name: 'FOREMAN_WEBHOOK_SECRET',
    unset: [],
    good: [
      ['plain', [bytesOf('plain')]],
      ['schlüssel', [bytesOf('schlüssel')]],
      ['whsec_aGVsbG8=', [bytesOf('hello')]],
      ['whsec_aGVsbG8', [bytesOf('hello')]],
      ['new , whsec_aGVsbG8=', [bytesOf('new'), bytesOf('hello')]],
    ],
    bad: [
      ['new,', 'empty item'],
      ['whsec_', 'base64'],
      ['whsec_not base64', 'base64'],
      ['whsec_a', 'base64'],
      ['two\nlines', 'control'],
    ],
  },
  webhookAllow: {
    name: 'FOREMAN_WEBHOOK_ALLOW',
    unset: [],
    good: [
      ['only', ['only']],
      ['only, 192.168.1.0/24,Hooks.example.org.', ['only', '192.168.1.0/24', 'hooks.example.org']],
      ['169.254.0.5,fd00::/8,::1', ['169.254.0.5', 'fd00::/8', '::1']],
      ['0.0.0.0/0', ['0.0.0.0/0']],
    ],
    bad: neverARule,
  },
  webhookDeny: {
    name: 'FOREMAN_WEBHOOK_DENY',
    unset: [],
    good: [['10.0.0.0/8,router.lan', ['10.0.0.0/8', 'router.lan']]],
    bad: neverARule,
  },
  logLevel: {
    name: 'FOREMAN_LOG_LEVEL',
    unset: 'info',
    good: [
      ['trace', 'trace'],
      ['silent', 'silent'],
    ],
    bad: [
      ['', 'is not allowed'],
      ['INFO', 'is not allowed'],
      ['verbose', 'is not allowed'],
    ],
  },
  logFormat: {
    name: 'FOREMAN_LOG_FORMAT',
    unset: 'auto',
    good: [
      ['auto', 'auto'],
      ['json', 'json'],
      ['pretty', 'pretty'],
    ],
    bad: [['text', 'is not allowed']],
  },
}
