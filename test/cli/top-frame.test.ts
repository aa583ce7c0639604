import fc from 'fast-check'
import displayWidth from 'string-width'
import { beforeAll, describe, expect, it } from 'vitest'
import { TokenRate } from '../../src/cli/answer-feed.ts'
import { cut, loadDisplayWidth } from '../../src/cli/terminal.ts'
import { frame, type Top } from '../../src/cli/top-frame.ts'
import type { JobSummary } from '../../src/client/index.ts'
import { anyText } from '../any-text.ts'
import { document } from './job-daemon.ts'
import { BUSY, IDLE } from './stand-in.ts'

beforeAll(loadDisplayWidth)

const NOON = Date.parse('2026-01-06T12:30:00Z')
const id = (number: number): string => `01KDWS9F3K8E6YJ5T9S1R2${String(number).padStart(4, '0')}`

const waiting = (number: number, more: Partial<JobSummary> = {}): JobSummary =>
  document('queued', { job_id: id(number), position: number + 1, eta_seconds: 30 * number, ...more })

const over = (number: number, more: Partial<JobSummary> = {}): JobSummary =>
  document('done', {
    job_id: id(number),
    finished_at: new Date(NOON - number * 60_000).toISOString(),
    timings: { queue_ms: 1, load_ms: 1_000, run_ms: 11_000, eval_ms: 10_000 },
    usage: { prompt_tokens: 3, completion_tokens: 200, cached_prompt_tokens: null },
    ...more,
  })

const TOP: Top = {
  url: 'http://127.0.0.1:8080',
  status: BUSY,
  waiting: [waiting(1, { model: 'tiny\u001b[31mred' }), waiting(0, { label: 'nightly' })],
  finished: [over(1), over(0, { state: 'failed', model: '模型-中文' })],
  answer: { records: 312, perSecond: 23.44, label: null },
  trouble: null,
  hasKeys: true,
}

const shown = (change: Partial<Top> = {}, columns = 80, rows = 24): string[] =>
  frame({ ...TOP, ...change }, { columns, rows }, NOON)

describe('a frame of top', () => {
  it('shows target, job with tokens per second, queue by model and positions with ETA, in 80×24', () => {
    const lines = shown()
    expect(lines).toHaveLength(24)
    expect(lines.slice(1, 22).map((line) => line.trimEnd())).toEqual([
      'TARGET   http://mac.local:11434',
      '         awake  Ollama 0.17.4',
      '         qwen3:14b  9.3 GiB, expired',
      '         nomic-embed-text:latest  538.8 MiB, pinned',
      '',
      'RUNNING  qwen3:14b  working for 1m12s, attempt 2',
      '         312 tokens, 23.4 a second, the last 400ms ago',
      '         01KDWS9F3K8E6YJ5T9S1R2Q3WX  /api/chat, waiting call',
      '',
      'WAITING  12 jobs (2.5 MiB), the oldest for 1h05m',
      'MODEL                                      JOBS  OLDEST  WAITS FOR',
      'qwen3:30b-a3b-instruct-2507-q4_K_M-with-…    10   4m10s  the running job (5d00h)',
      'tiny\\x1b[31mred\\u202e                         2   1h05m  –',
      '',
      'AHEAD  JOB                         MODEL            LABEL    WAITED  ETA',
      '    1  01KDWS9F3K8E6YJ5T9S1R20000  tiny-a           nightly  30m00s  now',
      '    2  01KDWS9F3K8E6YJ5T9S1R20001  tiny\\x1b[31mred           30m00s  30s',
      '',
      'ENDED   JOB                         MODEL      RAN  TOK/S    AGO',
      'failed  01KDWS9F3K8E6YJ5T9S1R20000  模型-中文  11s   20.0    0ms',
      'done    01KDWS9F3K8E6YJ5T9S1R20001  tiny-a     11s   20.0  1m00s',
    ])
    expect(lines.at(-1)).toBe('q quit   p pause')
  })

  it('fits any terminal and any names', () => {
    const name = fc.oneof(anyText({ maxLength: 120 }), fc.constant('大'.repeat(60)))
    fc.assert(
      fc.property(name, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), (model, columns, rows) => {
        const jobs = Array.from({ length: 40 }, (_, number) => waiting(number, { model, label: model }))
        const [running] = [{ ...BUSY.running, model }]
        const by_model = Array.from({ length: 12 }, () => ({ model, waiting: 3, oldest_wait_ms: 1 }))
        const status = { ...BUSY, running, queue: { ...BUSY.queue, by_model } } as typeof BUSY
        const lines = shown(
          { status, waiting: jobs, finished: jobs.map((job) => ({ ...job, finished_at: null })) },
          columns,
          rows,
        )
        expect(lines.length).toBeLessThanOrEqual(rows)
        for (const line of lines) {
          expect(line).toMatch(/^\P{Cc}*$/u)
          expect(displayWidth(line)).toBeLessThanOrEqual(columns)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('gives each section rows on a small terminal', () => {
    const jobs = Array.from({ length: 40 }, (_, number) => waiting(number))
    const text = shown({ waiting: jobs, finished: jobs.map((_, number) => over(number)) }).join('\n')
    for (const part of ['TARGET', 'RUNNING', 'WAITING', 'AHEAD', 'ENDED', 'q quit']) expect(text).toContain(part)
  })

  it('says that no data has arrived, that the daemon does not answer and for how long, or that it is paused', () => {
    expect(shown({ status: null }, 80, 5)).toEqual([expect.stringContaining('foreman at http'), '', '', '', 'q quit'])
    const trouble = { text: 'no answer from http://x', forMs: 12_000 }
    expect(shown({ trouble })[0]).toMatch(/^no answer from http:\/\/x, trying again \(12s\) +\d\d:\d\d:\d\d$/)
    const long = { text: `no answer from http://${'x'.repeat(80)}`, forMs: 12_000 }
    expect(shown({ trouble: long })[0]).toMatch(/^no answer from http:\/\/x+…, trying again \(12s\) {2}\d\d:\d\d:\d\d$/)
    const paused = shown({ status: { ...IDLE, paused: true }, waiting: [], finished: [] })
    expect(paused.join('\n')).toContain('PAUSED   until `foreman resume`\nRUNNING  nothing')
    expect(paused.at(-1)).toBe('q quit   p resume')
  })
})

describe('tokens per second', () => {
  it('are those of the last seconds, without tokens before the first reading', () => {
    const rate = new TokenRate()
    const count = (records: number): void => {
      rate.records += records
    }
    count(500)
    expect(rate.perSecond(0)).toBeNull()
    count(20)
    expect(rate.perSecond(1_000)).toBe(20)
    for (let second = 2; second <= 12; second++) {
      count(40)
      rate.perSecond(second * 1_000)
    }
    expect(rate.perSecond(12_000)).toBe(40)
    expect(rate.records).toBe(960)
    rate.restart()
    expect([rate.records, rate.perSecond(13_000)]).toEqual([0, null])
  })
})

describe('terminal columns', () => {
  it.each([
    ['abc', 3],
    ['模型', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['🙂', 2],
    ['\u200b', 0],
    ['ｱ', 1],
    ['한글', 4],
  ])('of %j are %i', (text, width) => expect(displayWidth(text)).toBe(width))

  it.each([
    ['模型名', 5, '模型…'],
    ['模型名', 4, '模…'],
    ['abc', 0, ''],
    ['abc', 3, 'abc'],
  ])('of %j cut to %i give %j', (text, room, short) => expect(cut(text, room)).toBe(short))

  it('of a coloured line keep the colours and the part that fits', () => {
    const line = '\u001b[1mab\u001b[22m 大c'
    expect(cut(line, 6)).toBe(line)
    expect(cut(line, 5)).toBe('\u001b[1mab\u001b[22m …')
    expect(cut(line, 0)).toBe('')
  })
})
