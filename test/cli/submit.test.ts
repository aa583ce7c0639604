import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Command, emptyDirectory } from './command-line.ts'
import { runHere } from './here.ts'
import { document, historyOf, ID, jobDaemon, json, receipt, stateEvent, until, wordEvent } from './job-daemon.ts'
import { deadUrl } from './stand-in.ts'
import { hasScript, onTerminal } from './terminal.ts'

/** The last request to the daemon. */
const sent = (daemon: Awaited<ReturnType<typeof jobDaemon>>) => {
  const { body, headers } = daemon.asked.findLast(({ method, path }) => method === 'POST' && path === '/jobs') ?? {}
  return { body: JSON.parse(body ?? 'null'), key: headers?.['idempotency-key'] }
}

describe('submit', () => {
  it('prints the answer as it arrives and nothing else', async () => {
    const daemon = await jobDaemon()
    const command = new Command(['submit', 'tiny-a', 'why?', '--url', daemon.url])
    command.process.stdin.end()
    await until('the events are read', () => daemon.streams.size === 1)
    daemon.tell(stateEvent(1, 'queued'), stateEvent(2, 'working', 'queued'), wordEvent(2, 1, 'be'))
    await command.said('be')
    daemon.tell(wordEvent(2, 2, 'cause'), stateEvent(3, 'done', 'working'))
    expect(await command.ended).toMatchObject({ code: 0, stdout: 'because', stderr: '' })
    expect(sent(daemon).body).toEqual({ model: 'tiny-a', messages: [{ role: 'user', content: 'why?' }] })
  })

  it('prints each wait reason once if stderr is not a terminal', async () => {
    const daemon = await jobDaemon()
    const since = new Date().toISOString()
    let waiting_for: object = { reason: 'paused', since }
    let asked = 0
    daemon.answers.set(`GET /jobs/${ID}`, (_req, res) => {
      asked += 1
      json(res, 200, { ...document('queued'), position: 0, waiting_for })
    })
    // The command asks every two seconds.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const asksAgain = async (): Promise<void> => {
      const before = asked
      vi.advanceTimersByTime(2_000)
      await until('it asks again', () => asked > before)
    }
    const ended = runHere(['submit', 'tiny-a', 'why?', '--url', daemon.url])
    await until('the events are read', () => daemon.streams.size === 1)
    daemon.tell(stateEvent(1, 'queued'))
    const said = (text: string): Promise<void> =>
      until(text, () => vi.mocked(process.stderr.write).mock.calls.join().includes(text))
    await asksAgain()
    await said('foreman is paused')
    await asksAgain()
    waiting_for = { reason: 'target_unreachable', since }
    await asksAgain()
    await said('Ollama does not answer')
    await asksAgain()
    daemon.tell(stateEvent(2, 'working', 'queued'), wordEvent(2, 1, 'because'), stateEvent(3, 'done', 'working'))
    const { code, stdout, stderr } = await ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'because' })
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(`^foreman: job ${ID} waits: foreman is paused \\(.*\\)$`),
      expect.stringMatching(`^foreman: job ${ID} waits: Ollama does not answer \\(.*\\)$`),
      '',
    ])
  })

  it('sends every option of its flags', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['x'])
    const cwd = emptyDirectory({ 'notes.txt': 'these notes\n', 'schema.json': '{"type":"object"}' })
    writeFileSync(join(cwd, 'cat.png'), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))
    const flags = '--file notes.txt --file cat.png --system brief --format schema.json --option temperature=0.5'
    const more =
      '--option stop=["a"] --option mood=glad --think high --label nightly --webhook http://x.lan/ --webhook-events'
    const last = 'done,failed --start-before 5m --finish-before 24h --idempotency-key k-1'
    const args = `${flags} ${more} ${last}`.split(' ')
    const ended = await runHere(['submit', 'tiny-a', 'sum up', ...args, '--url', daemon.url], {
      cwd,
      stdin: 'and this\n',
    })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const content = 'sum up\n\nthese notes\n\nand this'
    expect(sent(daemon)).toEqual({
      key: 'k-1',
      body: {
        model: 'tiny-a',
        messages: [
          { role: 'system', content: 'brief' },
          { role: 'user', content, images: ['iVBORw0KGgo='] },
        ],
        format: { type: 'object' },
        think: 'high',
        options: { temperature: 0.5, stop: ['a'], mood: 'glad' },
        label: 'nightly',
        state_webhook_url: 'http://x.lan/',
        webhook_events: ['done', 'failed'],
        start_before: '300000ms',
        finish_before: '86400000ms',
      },
    })
  })

  it('passes a complete body on unchanged', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['x'])
    const body = '{ "model":"tiny-a", "prompt":"a", "options":{"seed":12345678901234567890} }'
    const args = ['submit', '--body', '-', '--endpoint', '/api/generate', '--url', daemon.url]
    expect(await runHere(args, { stdin: body })).toMatchObject({ code: 0 })
    expect(daemon.asked.find(({ method }) => method === 'POST')?.body).toBe(
      body.replace('{', '{"endpoint":"/api/generate",'),
    )
  })

  it('says that a complete body has no prompt for its endpoint, and submits it', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['x'])
    const asked = (body: object, ...flags: string[]) =>
      runHere(['submit', '--body', '-', '--detach', '--url', daemon.url, ...flags], { stdin: JSON.stringify(body) })
    const nothing = 'foreman: --body has no question for /api/chat: it has no "messages"'
    expect(await asked({ model: 'm' })).toMatchObject({ code: 0, stderr: `${nothing}\n` })
    expect((await asked({ model: 'm', prompt: 'x' })).stderr).toBe(
      `${nothing}; its other keys fit --endpoint /api/generate\n`,
    )
    expect((await asked({ model: 'm', messages: [] }, '--endpoint', '/api/generate')).stderr).toContain(
      'has no question for /api/generate: it has no "prompt", "images", "suffix"; its other keys fit --endpoint /api/chat',
    )
    expect((await asked({ model: 'm', endpoint: '/v1/responses', input: 'x' })).stderr).toBe('')
    expect((await asked({ model: 'm', keep_alive: 0 })).stderr).toBe('')
  })

  it('refuses an empty model before it calls the daemon', async () => {
    const daemon = await jobDaemon()
    const args = ['--url', daemon.url]
    const empty = await runHere(['submit', '', 'x', ...args])
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('MODEL is empty')])
    const body = await runHere(['submit', '--body', '-', ...args], { stdin: '{"model":" ","messages":[]}' })
    expect([body.code, body.stderr]).toEqual([2, expect.stringContaining('--body has an empty "model"')])
    expect(daemon.asked).toEqual([])
  })

  it('prints only the id with --detach and does not wait', async () => {
    const daemon = await jobDaemon()
    expect(await runHere(['submit', 'tiny-a', 'x', '--detach', '--url', daemon.url])).toMatchObject({
      code: 0,
      stdout: `${ID}\n`,
      stderr: '',
    })
    const { stdout } = await runHere(['submit', 'tiny-a', 'x', '--detach', '--json', '--url', daemon.url])
    expect(JSON.parse(stdout)).toEqual(receipt())
  })

  it('prints the finished job as one document with --json', async () => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['x'])
    daemon.job = document('done', { result: { message: { content: 'x' } } })
    const { code, stdout } = await runHere(['submit', 'tiny-a', 'x', '--json', '--url', daemon.url])
    expect({ code, job: JSON.parse(stdout) }).toEqual({ code: 0, job: daemon.job })
  })

  it.each(['failed', 'cancelled'] as const)('exits with 3 if the job is %s, and says why', async (end) => {
    const daemon = await jobDaemon()
    daemon.history = historyOf(['half an ans'], end)
    const { code, stdout, stderr } = await runHere(['submit', 'tiny-a', 'x', '--url', daemon.url])
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'half an ans' })
    expect(stderr).toContain(
      end === 'failed' ? `job ${ID} failed: no byte came \\x1b[31m\nOllama answers` : 'was cancelled',
    )
  })

  it('prints the answer anew on a new line if the job returns to the queue', async () => {
    const daemon = await jobDaemon()
    daemon.history = [
      ...historyOf(['half an ans']).slice(0, 3),
      { ...stateEvent(3, 'queued', 'working') },
      { ...stateEvent(4, 'working', 'queued') },
      wordEvent(4, 1, 'whole'),
      stateEvent(5, 'done', 'working'),
    ]
    const { code, stdout, stderr } = await runHere(['submit', 'tiny-a', 'x', '--url', daemon.url])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'half an ans\nwhole' })
    expect(stderr).toContain('ignore the answer so far')
  })

  it('exits with 4 after the timeout, names the job, and does not cancel it', async () => {
    const daemon = await jobDaemon()
    const { code, stdout, stderr } = await runHere(['submit', 'tiny-a', 'x', '--timeout', '50ms', '--url', daemon.url])
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toBe(`foreman: not finished after 50ms; job ${ID} continues: foreman jobs watch ${ID}\n`)
    expect(daemon.count('POST', `/jobs/${ID}/cancel`)).toBe(0)
  })

  it('exits with 5 at once if no daemon answers, and with 6 if it refuses the job', async () => {
    expect(await runHere(['submit', 'tiny-a', 'x', '--url', await deadUrl()])).toMatchObject({ code: 5, stdout: '' })
    const daemon = await jobDaemon()
    daemon.answers.set('POST /jobs', (_req, res) =>
      json(res, 503, { error: 'server busy', code: 'queue_full' }, { 'retry-after': '600' }),
    )
    const full = await runHere(['submit', 'tiny-a', 'x', '--url', daemon.url])
    expect(full).toMatchObject({ code: 6, stderr: expect.stringMatching(/^foreman: server busy\nTry again later/) })
  })

  it('suggests a similar model name', async () => {
    const daemon = await jobDaemon()
    daemon.answers.set('POST /jobs', (_req, res) => json(res, 404, { error: "model 'tiny-aa' not found", code: 'x' }))
    daemon.answers.set('GET /api/tags', (_req, res) => json(res, 200, { models: [{ name: 'tiny-a:latest' }] }))
    expect(await runHere(['submit', 'tiny-aa', 'x', '--url', daemon.url])).toMatchObject({
      code: 1,
      stderr: "foreman: model 'tiny-aa' not found\nDid you mean tiny-a?\n",
    })
  })

  it.each([
    { flags: [], cancels: 1, words: 'is cancelled' },
    { flags: ['--webhook', 'http://x.lan/'], cancels: 0, words: '' },
  ])(
    'cancels its job when its reader closes the output, unless it has a webhook ($flags)',
    async ({ flags, cancels, words }) => {
      const daemon = await jobDaemon()
      const command = new Command(['submit', 'tiny-a', 'x', ...flags, '--url', daemon.url])
      command.process.stdin.end()
      await until('the events are read', () => daemon.streams.size === 1)
      command.process.stdout.destroy()
      daemon.tell(...historyOf(['a', 'b']).slice(0, -1))
      expect(await command.ended).toMatchObject({ code: 0, stderr: expect.stringContaining(words) })
      expect(daemon.count('POST', `/jobs/${ID}/cancel`)).toBe(cancels)
    },
  )

  it.skipIf(!existsSync('/dev/full'))('exits with 1 and without a stack if its output disk is full', async () => {
    const main = resolve(import.meta.dirname, '../../src/cli/main.ts')
    const onFullDisk = (args: readonly string[]): Command =>
      new Command(['-c', 'exec "$@" >/dev/full', 'sh', process.execPath, main, ...args], { executable: 'sh' })
    const daemon = await jobDaemon()
    const submit = onFullDisk(['submit', 'tiny-a', 'x', '--url', daemon.url])
    submit.process.stdin.end()
    await until('the events are read', () => daemon.streams.size === 1)
    daemon.tell(...historyOf(['a']))
    const stderr = 'foreman: stdout cannot be written: no space left on the disk; free disk space\n'
    expect(await submit.ended).toMatchObject({ code: 1, stderr })
    const config = onFullDisk(['config', '--ollama-url', 'http://gpu.lan:11434'])
    expect(await config.ended).toMatchObject({ code: 1, stderr })
  })

  it('cancels the job on SIGINT without a terminal, and keeps it on SIGTERM', async () => {
    for (const [signal, cancels] of [
      ['SIGINT', 1],
      ['SIGTERM', 0],
    ] as const) {
      const daemon = await jobDaemon()
      const command = new Command(['submit', 'tiny-a', 'x', '--url', daemon.url])
      command.process.stdin.end()
      await until('the events are read', () => daemon.streams.size === 1)
      command.process.kill(signal)
      const { code } = await command.ended
      expect({ signal, code, cancels: daemon.count('POST', `/jobs/${ID}/cancel`) }).toEqual({
        signal,
        code: signal === 'SIGINT' ? 130 : null,
        cancels,
      })
    }
  })

  it.each([
    ['state_webhook_url is not an absolute URL', 'foreman: --webhook "foo" is not an absolute URL\n'],
    ['webhook_events is wrong', 'foreman: webhook_events is wrong\n'],
  ])('says what is wrong with a flag in the words of the flag: %s', async (error, stderr) => {
    const daemon = await jobDaemon()
    daemon.answers.set('POST /jobs', (_req, res) => json(res, 400, { error, code: 'webhook_refused' }))
    const args = ['submit', 'm', 'x', '--webhook', 'foo', '--url', daemon.url]
    expect(await runHere(args)).toMatchObject({ code: 1, stdout: '', stderr })
  })

  it.each([
    [['submit'], 'MODEL is missing'],
    [['submit', 'm', 'x', '--option', 'temperature'], '--option temperature is not NAME=VALUE'],
    [['submit', 'm', 'x', '--format', '{"type"'], 'is not JSON'],
    [['submit', 'm', 'x', '--format', '/nowhere'], '--format /nowhere cannot be read: no such file or directory'],
    [['submit', 'm', 'x', '--file', '/nowhere'], '--file /nowhere cannot be read: no such file or directory'],
    [['submit', 'm', 'x', '--file', '/'], '--file / cannot be read: it is a folder'],
    [['submit', 'm', 'x', '--file', process.execPath], 'neither UTF-8 text nor a picture'],
    [['submit', 'm'], 'the prompt is empty'],
    [['submit', 'm', 'x', '--body', 'f'], '--body has the whole request; leave out MODEL'],
    [['submit', 'm', 'x', '--endpoint', '/v1/messages'], 'give the whole body with --body'],
    [
      ['submit', 'm', 'x', '--endpoint', '/v1/chat/completions', '--think', 'true'],
      '--think works with /api/chat and /api/generate only; use --body',
    ],
    [
      ['submit', 'm', 'x', '--start-before', '5'],
      '--start-before "5" has no unit (did you mean 5s?); allowed: a duration from 1s',
    ],
    [['submit', 'm', 'x', '--think', 'hard'], '--think must be one of true, false, low, medium, high; not "hard"'],
    [['submit', 'm', 'x', '--webhook-events', 'done,ended'], 'has an item "ended"'],
    [['submit', 'm', 'x', '--lable', 'a'], 'Did you mean --label?'],
  ])('rejects %j as a usage error', async (args, hint) => {
    const daemon = await jobDaemon()
    const { code, stdout, stderr } = await runHere(args, { env: { FOREMAN_URL: daemon.url } })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(hint)
    expect(daemon.count('POST', '/jobs')).toBe(0)
  })
})

describe.skipIf(!hasScript)('submit on a terminal (needs `script` of util-linux)', () => {
  it('shows the wait reason in one line and clears it before the answer begins', async () => {
    const daemon = await jobDaemon()
    daemon.job = document('queued', { position: 3, eta_seconds: 130 })
    const terminal = onTerminal(['submit', 'tiny-a', 'x', '--url', daemon.url])
    await terminal.said('queued, 3 ahead, in about 2m10s')
    await until('the events are read', () => daemon.streams.size === 1)
    daemon.tell(stateEvent(1, 'queued'), stateEvent(2, 'loading', 'queued'))
    await terminal.said('loading tiny-a')
    daemon.tell(stateEvent(3, 'working', 'loading'), wordEvent(3, 1, 'be\u001b[31m'), wordEvent(3, 2, 'cause'))
    daemon.tell(stateEvent(4, 'done', 'working'))
    const { code, stdout } = await terminal.ended
    expect(code).toBe(0)
    expect(stdout.endsWith('\r\u001b[Kbe\\x1b[31mcause\r\n')).toBe(true)
  })

  it('clears that line too if the answer goes to the terminal through a pipe', async () => {
    const daemon = await jobDaemon()
    const terminal = onTerminal(['submit', 'tiny-a', 'x', '--url', daemon.url], { into: 'cat' })
    await until('the events are read', () => daemon.streams.size === 1)
    await terminal.said('submitting')
    daemon.tell(...historyOf(['because']).slice(0, -1))
    await terminal.said('because')
    daemon.tell(stateEvent(3, 'done', 'working'))
    const { stdout } = await terminal.ended
    expect(stdout.slice(stdout.lastIndexOf('\r'))).toBe('\r\u001b[Kbecause')
  })

  it.each([
    ['c', 1, 'is cancelled'],
    ['l', 0, 'continues: foreman jobs watch'],
    ['\u0003', 0, 'continues: foreman jobs watch'],
  ])('prompts on Ctrl-C; %j exits with 130', async (key, cancels, words) => {
    const daemon = await jobDaemon()
    const terminal = onTerminal(['submit', 'tiny-a', '--url', daemon.url], { stdin: 'x' })
    await until('the events are read', () => daemon.streams.size === 1)
    await terminal.said('submitting')
    terminal.press('\u0003')
    await terminal.said('[c]ancel')
    terminal.press(key)
    const { code, stdout } = await terminal.ended
    expect({ code, cancels: daemon.count('POST', `/jobs/${ID}/cancel`) }).toEqual({ code: 130, cancels })
    expect(stdout).toContain(words)
  })

  it('keeps waiting after any other key and prints nothing while it prompts', async () => {
    const daemon = await jobDaemon()
    const terminal = onTerminal(['submit', 'tiny-a', 'x', '--url', daemon.url])
    await until('the events are read', () => daemon.streams.size === 1)
    daemon.tell(...historyOf(['first']).slice(0, -1))
    await terminal.said('first')
    terminal.press('\u0003')
    await terminal.said('[c]ancel')
    daemon.tell(wordEvent(2, 2, ' second'), stateEvent(3, 'done', 'working'))
    terminal.press('w')
    const { code, stdout } = await terminal.ended
    expect(code).toBe(0)
    // Only a part of a prompt that wraps would be erased (seen in tmux).
    expect(/\[c\]ancel.*?keep waiting /.exec(stdout)?.[0].length).toBeLessThan(80)
    expect(stdout.slice(stdout.indexOf('keep waiting '))).toBe('keep waiting \r\u001b[K second\r\n')
  })
})
