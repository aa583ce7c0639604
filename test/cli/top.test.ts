import { describe, expect, it, onTestFinished } from 'vitest'
import { holdPort } from '../held-port.ts'
import { runHere } from './here.ts'
import { document, ID, jobDaemon, json, stateEvent, until, wordEvent } from './job-daemon.ts'
import { BUSY, deadUrl, IDLE } from './stand-in.ts'
import { hasScript, onTerminal } from './terminal.ts'

const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'

async function busyDaemon() {
  const daemon = await jobDaemon()
  daemon.answers.set('GET /status', (_req, res) => json(res, 200, BUSY))
  daemon.answers.set('GET /jobs', (req, res) => {
    const state = new URL(req.url ?? '', 'http://x').searchParams.get('state')
    const one = state === 'queued' || state === 'done' ? [document(state, { label: `a ${state} one` })] : []
    json(res, 200, { jobs: one, next: null })
  })
  daemon.job = document('working', { label: 'nightly' })
  return daemon
}

describe('top into a pipe', () => {
  it('prints one frame and exits', async () => {
    const daemon = await busyDaemon()
    const { code, stdout, stderr } = await runHere(['top', '--url', daemon.url])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const part of ['TARGET', 'RUNNING  qwen3:14b', 'WAITING  12 jobs', 'a queued one', 'a done one']) {
      expect(stdout).toContain(part)
    }
    expect(stdout).not.toContain('\u001b')
    expect(stdout).not.toContain('q quit')
  })

  it('prints one document with --json, and exits with 5 if no daemon answers', async () => {
    const daemon = await busyDaemon()
    const { stdout } = await runHere(['top', '--json', '--url', daemon.url])
    expect(JSON.parse(stdout)).toMatchObject({
      status: BUSY,
      waiting: [{ state: 'queued' }],
      finished: [{ state: 'done' }],
    })
    expect(await runHere(['top', '--url', await deadUrl()])).toMatchObject({ code: 5 })
  })
})

describe.skipIf(!hasScript)('top on a terminal (needs `script` of util-linux)', () => {
  it.each([
    ['q', 0],
    ['\u0003', 130],
  ])('restores the terminal after %j and exits with %i', async (key, code) => {
    const daemon = await busyDaemon()
    const top = onTerminal(['top', '--url', daemon.url])
    await top.said('q quit')
    await top.said('a queued one')
    top.press(key)
    const ended = await top.ended
    expect(ended.code).toBe(code)
    expect(ended.stdout.indexOf(ENTER)).toBe(0)
    expect(ended.stdout.endsWith(LEAVE)).toBe(true)
  })

  it('draws each frame in one write, never more than fits, and never scrolls', async () => {
    const daemon = await busyDaemon()
    const top = onTerminal(['top', '--interval', '100ms', '--url', daemon.url])
    await top.said('a queued one')
    await until('ten looks', () => daemon.count('GET', '/status') > 10)
    top.press('q')
    const { stdout } = await top.ended
    const pictures = stdout.split('\u001b[?2026h').slice(1)
    expect(pictures.length).toBeGreaterThan(5)
    for (const picture of pictures) {
      const [lines = ''] = picture.split('\u001b[?2026l')
      expect(lines.startsWith('\u001b[H')).toBe(true)
      expect(lines.split('\r\n')).toHaveLength(24)
      // Erasing after a full line removes its last character (seen in tmux: a clock of 12:47:0).
      for (const line of lines.slice(3).split('\r\n')) expect(line.lastIndexOf('\u001b[2K')).toBe(0)
      expect(lines).not.toMatch(/\[[0-1]?[KJ]/)
    }
  })

  it('counts the tokens of the running job as they arrive', async () => {
    const daemon = await busyDaemon()
    const running = BUSY.running?.job_id
    daemon.answers.set(`GET /jobs/${running}/events`, (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' })
      const events = [stateEvent(1, 'queued'), ...[1, 2, 3].map((record) => wordEvent(1, record, 'x'))]
      res.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    })
    daemon.answers.set(`GET /jobs/${running}`, (_req, res) => json(res, 200, { ...daemon.job, job_id: running }))
    const top = onTerminal(['top', '--interval', '100ms', '--url', daemon.url])
    await top.said('3 tokens')
    top.press('q')
    expect(await top.ended).toMatchObject({ code: 0 })
  })

  it('survives a daemon that stops and starts again', async () => {
    const { port, release } = await holdPort()
    onTestFinished(release)
    const daemon = await busyDaemon()
    await daemon.close()
    await daemon.listen(port)
    const top = onTerminal(['top', '--interval', '100ms', '--url', daemon.url])
    await top.said('a queued one')
    await daemon.close()
    await top.said('trying again')
    // A frame may arrive in pieces.
    const sinceThen = (): string => top.shown().slice(top.shown().indexOf('trying again'))
    await until('what was known is still shown', () => sinceThen().includes('a queued one'))
    daemon.answers.set('GET /status', (_req, res) => json(res, 200, { ...IDLE, version: '9.9.9' }))
    await daemon.listen(port)
    await top.said('foreman 9.9.9')
    top.press('q')
    expect(await top.ended).toMatchObject({ code: 0 })
  })

  it('waits for a daemon that is not running yet, but not with a wrong token', async () => {
    const waiting = onTerminal(['top', '--interval', '100ms', '--url', await deadUrl()])
    await waiting.said('trying again')
    waiting.press('q')
    expect(await waiting.ended).toMatchObject({ code: 0 })
    const daemon = await busyDaemon()
    daemon.answers.set('GET /status', (_req, res) => json(res, 401, { error: 'unauthorized', code: 'unauthorized' }))
    const refused = await onTerminal(['top', '--url', daemon.url]).ended
    expect(refused.code).toBe(6)
    expect(
      refused.stdout.endsWith(
        `${LEAVE}foreman: unauthorized: no token was sent; set FOREMAN_TOKEN or FOREMAN_TOKEN_FILE to the token of the daemon\r\n`,
      ),
    ).toBe(true)
  })

  it('pauses and resumes on p', async () => {
    const daemon = await busyDaemon()
    let paused = false
    daemon.answers.set('GET /status', (_req, res) => json(res, 200, { ...IDLE, paused }))
    for (const word of ['pause', 'resume'] as const) {
      daemon.answers.set(`POST /${word}`, (_req, res) => {
        paused = word === 'pause'
        json(res, 200, { paused })
      })
    }
    const top = onTerminal(['top', '--url', daemon.url])
    await top.said('p pause')
    top.press('p')
    await top.said('p resume')
    expect(top.shown()).toContain('PAUSED')
    top.press('p')
    await until('it is resumed', () => daemon.count('POST', '/resume') === 1)
    top.press('q')
    expect(await top.ended).toMatchObject({ code: 0 })
  })
})

it('no data is requested that the terminal has no room for', async () => {
  const daemon = await jobDaemon()
  await runHere(['top', '--url', daemon.url])
  expect(daemon.asked.map(({ path }) => path)).not.toContain(`/jobs/${ID}`)
  expect(daemon.asked.filter(({ path }) => path.includes('queued'))).toEqual([])
})
