import { beforeAll, describe, expect, it } from 'vitest'
import { waitingForText } from '../../src/cli/job-words.ts'
import { statusText } from '../../src/cli/status.ts'
import { age, bytes, jsonText, loadDisplayWidth, printable, table, terminalWidth } from '../../src/cli/terminal.ts'
import type { WaitingForDocument } from '../../src/client/index.ts'
import { run } from './command-line.ts'
import { runHere } from './here.ts'
import { answering, BUSY, IDLE, standIn } from './stand-in.ts'

beforeAll(loadDisplayWidth)

const NOON = Date.parse('2026-01-01T12:00:00Z')
const shown = (status: typeof IDLE, width = 80): string => statusText(status, width, NOON)

describe('ps', () => {
  it('shows target, models, job and queue in 80 columns', () => {
    expect(shown(BUSY)).toBe(
      [
        'TARGET   http://mac.local:11434',
        '         awake  Ollama 0.17.4',
        '         qwen3:14b  9.3 GiB, for 25m00s',
        '         nomic-embed-text:latest  538.8 MiB, pinned',
        '',
        'RUNNING  qwen3:14b  working for 1m12s, attempt 2',
        '         14.0 KiB, the last byte 400ms ago',
        '         01KDWS9F3K8E6YJ5T9S1R2Q3WX  /api/chat, waiting call',
        '',
        'WAITING  12 jobs (2.5 MiB), the oldest for 1h05m',
        'MODEL                                      JOBS  OLDEST  WAITS FOR',
        'qwen3:30b-a3b-instruct-2507-q4_K_M-with-…    10   4m10s  the running job (1m12s)',
        'tiny\\x1b[31mred\\u202e                         2   1h05m  –',
      ].join('\n'),
    )
  })

  it('shows the size of a model on a machine without a GPU', () => {
    const resident = [
      { model: 'tiny', size: 2_097_152, size_vram: 0, context_length: 8, expires_at: '2026-01-01T12:25:00Z' },
    ]
    expect(shown({ ...IDLE, target: { ...IDLE.target, resident } })).toContain('tiny  2.0 MiB, for 25m00s')
  })

  it('shows the drain timer, the last swap, and the swaps made and avoided', () => {
    const drain = {
      ...{ affinity: 'qwen3:14b', swapped_at: '2026-01-01T11:48:00Z', drained_ms: 720_000, limit_ms: 900_000 },
      ...{ turns_to: 'qwen3:30b', turns_at: '2026-01-01T12:03:00Z' },
    }
    const text = shown({ ...IDLE, drain, counters: { ...IDLE.counters, swaps: 42, swaps_saved: 180 } })
    expect(text.split('\n').slice(-2)).toEqual([
      'DRAINS   qwen3:14b for 12m00s of 15m, then qwen3:30b in 3m00s at most',
      'SWAPS    42 made, 180 saved, the last 12m00s ago',
    ])
  })

  it.each([
    [{ predicted: 12, happened: 12, unforeseen: 0 }, 'LOADS    12 predicted, 12 happened'],
    [{ predicted: 12, happened: 13, unforeseen: 1 }, 'LOADS    12 predicted, 13 happened, 1 not predicted'],
  ])('shows the loads that were predicted and that happened: %j', (loads, line) => {
    const drain = { ...IDLE.drain, swapped_at: '2026-01-01T11:48:00Z' }
    expect(shown({ ...IDLE, drain, counters: { ...IDLE.counters, loads } }).split('\n')).toContain(line)
  })

  it.each<[WaitingForDocument, string]>([
    [{ reason: 'paused', since: '2026-01-01T11:00:00Z' }, 'foreman is paused (1h00m)'],
    [
      { reason: 'paused', since: '2026-01-01T11:00:00Z', until: '2026-01-01T12:30:00Z' },
      'foreman is paused, 30m00s more',
    ],
    [{ reason: 'storage_full', since: '2026-01-01T11:59:00Z' }, 'no free disk space at foreman (1m00s)'],
    [{ reason: 'target_unreachable', since: '2026-01-01T11:59:00Z' }, 'Ollama does not answer (1m00s)'],
    [{ reason: 'backoff', since: '2026-01-01T11:59:59Z', until: '2026-01-01T12:00:03Z' }, 'retried in 3s'],
    [
      { reason: 'draining', since: '2026-01-01T11:59:59Z', affinity: 'b:latest', until: '2026-01-01T12:05:00Z' },
      'jobs for b:latest go first, for 5m00s at most',
    ],
    [{ reason: 'draining', since: '2026-01-01T11:59:59Z', affinity: 'b:latest' }, 'jobs for b:latest go first'],
    [{ reason: 'running', since: '2026-01-01T11:59:50Z', job_id: '01K' }, 'job 01K (10s)'],
    [{ reason: 'running', since: '2026-01-01T11:59:50Z' }, 'about to be sent'],
  ])('shows for a job that waits for %o: %s', (waiting, text) => {
    expect(waitingForText(waiting, NOON)).toBe(text)
  })

  it.each([80, 100, 200])('fits %i columns', (width) => {
    for (const line of shown(BUSY, width).split('\n')) expect(line.length).toBeLessThanOrEqual(width)
  })

  it('says that the daemon is idle', () => {
    expect(shown(IDLE)).toBe(
      'TARGET   http://mac.local:11434\n         awake  Ollama 0.17.4\n         no model in memory\n\nRUNNING  nothing\n\nWAITING  nothing',
    )
  })

  it('says why the target does not answer, and since when', () => {
    const asleep = {
      ...IDLE.target,
      reachable: false,
      reason: 'GET /api/version: connect ETIMEDOUT 10.0.0.7:11434',
      probed_at: '2026-01-01T09:00:00Z',
    }
    const text = shown({ ...IDLE, degraded: true, target: asleep })
    expect(text).toContain('asleep  last seen 3h00m ago  Ollama 0.17.4')
    expect(text).toContain('GET /api/version: no answer in time (10.0.0.7:11434)')
    expect(shown({ ...IDLE, target: { ...asleep, probed_at: null, version: null } })).toContain(
      'not reachable  (never seen since foreman started)\n',
    )
    expect(shown({ ...IDLE, target: { ...asleep, reachable: null } })).toContain('not probed yet')
  })

  it('says that the daemon is paused or stopping, or that the target holds too few models', () => {
    expect(shown({ ...IDLE, paused: true })).toContain('PAUSED')
    expect(shown({ ...IDLE, phase: 'stopping' })).toContain('foreman is stopping')
    expect(shown({ ...IDLE, target: { ...IDLE.target, slots_too_few: true } })).toContain('OLLAMA_MAX_LOADED_MODELS=2')
  })

  it('reads a running daemon and prints no colour into a pipe', async () => {
    const daemon = await standIn(answering(200, BUSY))
    const { code, stdout, stderr } = await runHere(['ps'], {
      env: { FOREMAN_URL: daemon.url, FOREMAN_TOKEN: 's3cret' },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('qwen3:14b')
    expect(stdout).not.toContain('\u001b')
    expect(daemon.asked).toEqual([{ method: 'GET', path: '/status', authorization: 'Bearer s3cret' }])
  })

  it('is coloured if requested', async () => {
    const daemon = await standIn(answering(200, IDLE))
    const { stdout } = await run(['ps'], { env: { FOREMAN_URL: daemon.url, FORCE_COLOR: '1' } })
    expect(stdout).toContain('\u001b[1mTARGET')
  })

  it('prints the document unchanged with --json', async () => {
    const daemon = await standIn(answering(200, BUSY))
    const { stdout } = await runHere(['ps', '--json', '--url', daemon.url])
    expect(JSON.parse(stdout)).toEqual(BUSY)
  })
})

describe('on a terminal', () => {
  it('does not act on escape sequences from outside', () => {
    expect(printable('a\u001b]0;x\u0007\r\n\u009b2J\u202e\u200b')).toBe(
      'a\\x1b]0;x\\x07\\x0d\\x0a\\x9b2J\\u202e\\u200b',
    )
    expect(printable('qwen3:14b ü 模型')).toBe('qwen3:14b ü 模型')
    const json = jsonText({ name: '\u009b2J\u001b\u202e' })
    expect(json).toMatch(/^[ -~\n]+$/)
    expect(JSON.parse(json)).toEqual({ name: '\u009b2J\u001b\u202e' })
  })

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [59_999, '59s'],
    [60_000, '1m00s'],
    [3_599_999, '59m59s'],
    [3_600_000, '1h00m'],
    [172_799_999, '47h59m'],
    [172_800_000, '2d00h'],
    [-5, '0ms'],
  ])('%i ms is shown as %s', (ms, text) => expect(age(ms)).toBe(text))

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [5 * 1024 ** 5, '5120.0 TiB'],
  ])('%i bytes is shown as %s', (count, text) => expect(bytes(count)).toBe(text))

  it.each([
    [undefined, 80],
    [0, 80],
    [20, 40],
    [132, 132],
  ])('a width of %s counts as %i', (columns, width) => expect(terminalWidth(columns)).toBe(width))

  it('a table that cannot be narrow enough stays readable', () => {
    const lines = table([{ heading: 'MODEL', shrinks: true }, { heading: 'JOBS' }], [['a-rather-long-name', '1']], 5)
    expect(lines).toEqual(['MODEL     JOBS', 'a-rathe…  1'])
  })
})
