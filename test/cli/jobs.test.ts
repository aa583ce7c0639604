import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { jobPage } from '../../src/cli/job-page.ts'
import { jobCells, jobTable, LIST } from '../../src/cli/job-table.ts'
import { loadDisplayWidth } from '../../src/cli/terminal.ts'
import { emptyDirectory } from './command-line.ts'
import { runHere } from './here.ts'
import { document, historyOf, ID, jobDaemon, json } from './job-daemon.ts'

beforeAll(loadDisplayWidth)

const NOON = Date.parse('2026-01-06T12:30:00Z')
const OTHER = '01KDWS9F3K8E6YJ5T9S1R2Q3WY'
const NONE = '01KDWS9F3K8E6YJ5T9S1R2Q3WZ'

const DONE = document('done', {
  model: 'qwen3:30b-a3b-instruct-2507-q4_K_M-with-a-name-that-takes-more-than-one-line',
  label: 'nightly \u001b[2J',
  started_at: '2026-01-06T12:01:00.000Z',
  finished_at: '2026-01-06T12:02:00.000Z',
  timings: { queue_ms: 60_000, load_ms: 5_000, run_ms: 60_000, eval_ms: 55_000 },
  usage: { prompt_tokens: 12, completion_tokens: 550, cached_prompt_tokens: null },
  done_reason: 'stop',
  artifacts: [
    { name: 'completion', content_type: 'text/plain; charset=utf-8', bytes: 2048, data: 'x' },
    { name: 'response', content_type: 'application/x-ndjson', bytes: 400_000, url: '/x' },
  ],
  deliveries: [
    {
      n: 1,
      state: 'queued',
      status: 'delivered',
      tries: 1,
      reason: null,
      next_try_at: null,
      delivered_at: '2026-01-06T12:00:00.000Z',
    },
    {
      n: 3,
      state: 'done',
      status: 'pending',
      tries: 2,
      reason: 'not_accepted',
      next_try_at: '2026-01-06T12:31:00.000Z',
      delivered_at: null,
    },
  ],
})

describe('foreman jobs', () => {
  it('fits 80 columns', () => {
    const jobs = [document('queued', { position: 3, eta_seconds: 130 }), document('working'), DONE, document('failed')]
    const rows = jobs.map((job) => jobCells(LIST, job, NOON))
    const lines = jobTable(LIST, rows, 80)
    expect(lines).toEqual([
      'JOB                         STATE    MODEL     LABEL         AGE  AHEAD  ETA/RAN',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  queued   tiny-a               30m00s      3    2m10s',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  working  tiny-a               30m00s               –',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  done     qwen3:3…  nightly …  30m00s           1m00s',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  failed   tiny-a               30m00s               –',
    ])
    expect(jobTable(LIST, [jobCells(LIST, document('queued', { position: null }), NOON)], 80)).toEqual([
      'JOB                         STATE   MODEL      AGE  AHEAD  ETA/RAN',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  queued  tiny-a  30m00s      –        –',
    ])
    expect(jobTable(LIST, [jobCells(LIST, document('queued', { position: 0, eta_seconds: 0 }), NOON)], 80)).toEqual([
      'JOB                         STATE   MODEL      AGE  AHEAD  ETA/RAN',
      '01KDWS9F3K8E6YJ5T9S1R2Q3WX  queued  tiny-a  30m00s   next      now',
    ])
  })

  it('lists what was requested, page after page, and one line of JSON for each job', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set('GET /jobs', (req, res) => {
      const isSecond = new URL(req.url ?? '', 'http://x').searchParams.get('cursor') === 'c2'
      json(
        res,
        200,
        isSecond ? { jobs: [document('queued')], next: null } : { jobs: [DONE, document('failed')], next: 'c2' },
      )
    })
    const env = { FOREMAN_URL: daemon.url }
    const args = ['jobs', '--state', 'done', '--model', 'm:x', '--label', 'a b', '--all', '--json']
    const { code, stdout } = await runHere(args, { env })
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).state),
    ).toEqual(['done', 'failed', 'queued'])
    expect(daemon.asked.map(({ path }) => path)).toEqual([
      '/jobs?state=done&model=m%3Ax&label=a+b&limit=200',
      '/jobs?state=done&model=m%3Ax&label=a+b&limit=200&cursor=c2',
    ])
    expect((await runHere(['jobs', '--limit', '1'], { env })).stdout.split('\n')).toHaveLength(3)
    expect((await runHere(['jobs', 'list', '--limit', '3'], { env })).stdout.split('\n')).toHaveLength(5)
  })

  it('says on stderr if no job matches', async () => {
    const daemon = await jobDaemon()
    expect(await runHere(['jobs', '--url', daemon.url])).toEqual({ code: 0, stdout: '', stderr: 'no jobs\n' })
  })
})

describe('foreman job', () => {
  it('shows times, tokens, artifacts and webhooks', () => {
    expect(jobPage(DONE, 80, NOON).split('\n')).toEqual([
      'job        01KDWS9F3K8E6YJ5T9S1R2Q3WX  done',
      'model      qwen3:30b-a3b-instruct-2507-q4_K_M-with-a-name-that-takes-more-than-one-line',
      'endpoint   /api/chat',
      'label      nightly \\x1b[2J',
      'created    2026-01-06T12:00:00.000Z  30m00s ago',
      'attempt    1 of 3',
      'finished   2026-01-06T12:02:00.000Z  28m00s ago',
      'times      queued 1m00s, loading 5s, run 1m00s',
      'tokens     12 in, 550 out, 10.0 a second',
      'reason     stop',
      '',
      'ARTIFACT         SIZE  TYPE',
      'completion    2.0 KiB  text/plain; charset=utf-8',
      'response    390.6 KiB  application/x-ndjson',
      'foreman jobs artifact 01KDWS9F3K8E6YJ5T9S1R2Q3WX',
      '',
      'WEBHOOK  OF      STATUS     TRIES  NEXT      WHY',
      '      1  queued  delivered      1',
      '      3  done    pending        2  in 1m00s  not accepted',
    ])
  })

  it('shows the position of a waiting job, and for a failed one the reason and what to do', () => {
    const queued = jobPage(document('queued', { position: 2, eta_seconds: 65 }), 80, NOON)
    expect(queued).toContain('queue      2 ahead, in about 1m05s')
    const error = { code: 'stalled', message: 'no byte came\u0007', status: 504 }
    const failed = jobPage(document('failed', { error }), 80, NOON)
    expect(failed).toContain('error      no byte came\\x07\n           stalled, HTTP 504\n           Ollama answers')
  })

  it('prints the document unchanged with --json', async () => {
    const daemon = await jobDaemon()
    daemon.job = DONE
    expect(JSON.parse((await runHere(['jobs', 'get', ID, '--json', '--url', daemon.url])).stdout)).toEqual(DONE)
    expect((await runHere(['jobs', 'get', ID, '--url', daemon.url])).stdout).toContain('reason     stop')
  })
})

describe('watch', () => {
  it('prints the answer from its beginning and exits as the job ended', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['be', 'cause'])
    expect(await runHere(['jobs', 'watch', ID, '--url', daemon.url])).toMatchObject({
      code: 0,
      stdout: 'because',
      stderr: '',
    })
    daemon.history = historyOf([], 'cancelled')
    expect(await runHere(['jobs', 'watch', ID, '--url', daemon.url])).toMatchObject({ code: 3 })
  })

  it('prints each event on a line with --json', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['a'])
    const { stdout } = await runHere(['jobs', 'watch', ID, '--json', '--url', daemon.url])
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(daemon.history)
  })

  it('of an unknown job is an error', async () => {
    const daemon = await jobDaemon()
    expect(await runHere(['jobs', 'watch', NONE, '--url', daemon.url])).toMatchObject({ code: 1, stdout: '' })
  })
})

describe('cancel, retry and rm', () => {
  it('do what is possible, report the rest, and then exit with 1', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set(`POST /jobs/${OTHER}/cancel`, (_req, res) => json(res, 200, { job_id: OTHER, state: 'done' }))
    const { code, stdout, stderr } = await runHere(['jobs', 'cancel', ID, NONE, OTHER, '--url', daemon.url])
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${ID}  being cancelled\n${OTHER}  done\n` })
    expect(stderr).toBe(`foreman: no route POST /jobs/${NONE}/cancel\nforeman: 1 of 3 failed\n`)
  })

  it('retry prints the new ids, rm says what was deleted', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set(`POST /jobs/${ID}/retry`, (_req, res) =>
      json(res, 202, { job_id: OTHER, state: 'queued', position: 0, urls: {} }),
    )
    daemon.answers.set(`DELETE /jobs/${ID}`, (_req, res) => res.writeHead(204).end())
    expect(await runHere(['jobs', 'retry', ID, '--url', daemon.url])).toMatchObject({ code: 0, stdout: `${OTHER}\n` })
    const { stdout } = await runHere(['jobs', 'retry', ID, '--json', '--url', daemon.url])
    expect(JSON.parse(stdout)).toMatchObject({ job_id: OTHER, retry_of: ID })
    expect(await runHere(['jobs', 'rm', ID, '--url', daemon.url])).toMatchObject({
      code: 0,
      stdout: `${ID}  deleted\n`,
    })
  })

  it('stop at an error that is not about one job', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set(`DELETE /jobs/${ID}`, (_req, res) =>
      json(res, 401, { error: 'unauthorized', code: 'unauthorized' }),
    )
    expect(await runHere(['jobs', 'rm', ID, OTHER, '--url', daemon.url])).toMatchObject({ code: 6 })
    expect(daemon.asked).toHaveLength(1)
  })
})

describe('foreman artifact', () => {
  const bytes = Buffer.from('text\u001b[31m\u0000\xff', 'latin1')

  it('writes the bytes unchanged to stdout or into a file', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set(`GET /jobs/${ID}/artifacts/completion`, (_req, res) => res.end('the text'))
    daemon.answers.set(`GET /jobs/${ID}/artifacts/response`, (_req, res) => res.end(bytes))
    expect(await runHere(['jobs', 'artifact', ID, '--url', daemon.url])).toMatchObject({ code: 0, stdout: 'the text' })
    const cwd = emptyDirectory()
    const args = ['jobs', 'artifact', ID, 'response', '-o', 'out', '--url', daemon.url]
    expect(await runHere(args, { cwd })).toMatchObject({ code: 0, stdout: '' })
    expect(readFileSync(join(cwd, 'out'))).toEqual(bytes)
  })

  it('leaves no file if the answer is cut, and says why it cannot write one', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set(`GET /jobs/${ID}/artifacts/completion`, (_req, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('half', () => res.destroy())
    })
    const cwd = emptyDirectory()
    const args = ['jobs', 'artifact', ID, '-o', 'out', '--url', daemon.url]
    expect(await runHere(args, { cwd })).toMatchObject({ code: 5 })
    expect(readdirSync(cwd)).toEqual([])
    daemon.answers.set(`GET /jobs/${ID}/artifacts/completion`, (_req, res) => res.end('x'))
    const ended = await runHere(['jobs', 'artifact', ID, '-o', 'no/such/dir', '--url', daemon.url], { cwd })
    expect(ended).toMatchObject({
      code: 1,
      stderr: 'foreman: no/such/dir cannot be written: no such file or directory; check the path\n',
    })
    expect(existsSync(join(cwd, 'no'))).toBe(false)
    mkdirSync(join(cwd, 'folder'))
    const onto = await runHere(['jobs', 'artifact', ID, '-o', 'folder', '--url', daemon.url], { cwd })
    expect(onto).toMatchObject({ code: 1, stderr: 'foreman: folder cannot be written: it is a folder; name a file\n' })
    expect(readdirSync(cwd)).toEqual(['folder'])
  })

  it('lists the artifacts with --list', async () => {
    const daemon = await jobDaemon()
    daemon.job = DONE
    const { stdout } = await runHere(['jobs', 'artifact', ID, '--list', '--url', daemon.url])
    expect(stdout).toContain('completion    2.0 KiB  text/plain')
  })
})

describe('a mistyped command below jobs', () => {
  it.each([
    [['jobs', 'cancle', ID], 'Did you mean cancel?'],
    [['jobs', '--stat', 'done'], 'Did you mean --state?'],
    [
      ['jobs', '--state', 'ended'],
      '--state must be one of queued, loading, working, done, failed, cancelled; not "ended"',
    ],
    [['jobs', 'get'], "missing required argument 'id'"],
    [['jobs', '--limit', '0'], 'a whole number from 1'],
  ])('%j exits with 2 and a hint', async (args, hint) => {
    const { code, stdout, stderr } = await runHere(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(hint)
  })
})
