import { describe, expect, it } from 'vitest'
import { Command, emptyDirectory } from './command-line.ts'
import { runHere } from './here.ts'
import { answering, deadUrl, IDLE, standIn } from './stand-in.ts'

describe('pause, resume and health', () => {
  it('call the daemon and print its new state', async () => {
    const daemon = await standIn((req, res) =>
      answering(200, { ...IDLE.pause, paused: req.url === '/pause' })(req, res),
    )
    const env = { FOREMAN_URL: `${daemon.url}/` }
    expect(await runHere(['pause'], { env })).toMatchObject({ code: 0, stdout: expect.stringMatching(/^paused/) })
    expect(await runHere(['resume'], { env })).toMatchObject({ code: 0, stdout: 'running\n' })
    expect(JSON.parse((await runHere(['pause', '--json'], { env })).stdout)).toEqual({ ...IDLE.pause, paused: true })
    expect(daemon.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /pause',
      'POST /resume',
      'POST /pause',
    ])
  })

  it('print 0 for health while the target is asleep too', async () => {
    const daemon = await standIn(answering(200, { status: 'ok', degraded: true }))
    const { code, stdout } = await runHere(['health', '--url', daemon.url, '--timeout', '1m'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ok, but degraded: the target does not answer\n' })
    expect(daemon.asked).toEqual([{ method: 'GET', path: '/healthz', authorization: undefined }])
  })
})

describe('version', () => {
  it("prints this program's version, and the daemon's if one runs", async () => {
    const daemon = await standIn(answering(200, { ...IDLE, version: '0.2.0' }))
    expect((await runHere(['version', '--url', daemon.url, '--timeout', '1m'])).stdout).toBe(
      `foreman 0.1.0\ndaemon  0.2.0 at ${daemon.url}, Ollama 0.17.4\n`,
    )
    const { code, stdout } = await runHere(['version', '--url', await deadUrl(), '--json'])
    expect({ code, document: JSON.parse(stdout) }).toEqual({ code: 0, document: { version: '0.1.0', daemon: null } })
    expect(await runHere(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' })
  })
})

describe('the exit code of a failed call', () => {
  it('is 5 if no daemon answers', async () => {
    const url = await deadUrl()
    const { code, stdout, stderr } = await runHere(['ps'], { env: { FOREMAN_URL: url } })
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' })
    expect(stderr).toContain(`no answer from ${url}: connection refused (`)
  })

  it('is 5 if the answer is late or cut', async () => {
    const silent = await standIn(() => {})
    expect(await runHere(['ps', '--url', silent.url, '--timeout', '200ms'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('no answer within 200 ms'),
    })
    const cutting = await standIn((req) => req.socket.destroy())
    expect(await runHere(['ps', '--url', cutting.url])).toMatchObject({ code: 5 })
  })

  it("is 6 if the daemon refuses, with the daemon's message", async () => {
    const daemon = await standIn(
      answering(403, { error: 'not allowed: \u001b[31mno' }, { 'x-foreman-error': 'host_not_allowed' }),
    )
    const { code, stderr } = await runHere(['pause', '--url', daemon.url])
    expect({ code, stderr }).toEqual({
      code: 6,
      stderr: expect.stringMatching(/^foreman: not allowed: \\x1b\[31mno\nA host name that/),
    })
    const other = await standIn(answering(403, 'go away'))
    expect(await runHere(['ps', '--url', other.url])).toMatchObject({ code: 6 })
  })

  it('is 6 if the token is missing or wrong, and says which', async () => {
    const daemon = await standIn(
      answering(401, { error: 'unauthorized: x', code: 'unauthorized' }, { 'x-foreman-error': 'unauthorized' }),
    )
    expect(await runHere(['ps', '--url', daemon.url])).toMatchObject({
      code: 6,
      stderr:
        'foreman: unauthorized: no token was sent; set FOREMAN_TOKEN or FOREMAN_TOKEN_FILE to the token of the daemon\n',
    })
    expect(await runHere(['ps', '--url', daemon.url], { env: { FOREMAN_TOKEN: 'wrong' } })).toMatchObject({
      code: 6,
      stderr: 'foreman: unauthorized: FOREMAN_TOKEN is not the token of this daemon\n',
    })
  })

  it('is 1 if the daemon has an error or is not a foreman', async () => {
    const broken = await standIn(answering(500, { error: 'internal error: x' }, { 'x-foreman-error': 'internal' }))
    expect(await runHere(['ps', '--url', broken.url])).toMatchObject({
      code: 1,
      stderr: 'foreman: internal error: x\nThis is a bug. The log has the details.\n',
    })
    for (const answer of [
      answering(404, '404 page not found'),
      answering(200, '<html>'),
      answering(200, '[]'),
      answering(302, '', { location: '/x' }),
    ]) {
      const other = await standIn(answer)
      expect(await runHere(['ps', '--url', other.url])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('not foreman'),
      })
      expect(other.asked).toHaveLength(1)
    }
  })

  it('is 78 if its own settings are invalid, and all errors are printed', async () => {
    const env = { FOREMAN_URL: 'gpu.lan:8080', FOREMAN_TOKEN: '' }
    const { code, stderr } = await runHere(['ps'], { env })
    expect(code).toBe(78)
    expect(stderr).toContain('FOREMAN_TOKEN is set but empty')
    const cwd = emptyDirectory({ '.env': 'FOREMAN_URL=gpu.lan:8080' })
    expect(await runHere(['ps'], { cwd })).toMatchObject({
      code: 78,
      stderr: expect.stringContaining(
        'FOREMAN_URL=gpu.lan:8080 (.env) has no scheme (did you mean http://gpu.lan:8080',
      ),
    })
    expect(await runHere(['ps', '--url', 'gpu.lan'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('FOREMAN_URL=gpu.lan (--url) has no scheme'),
    })
    expect((await runHere(['--help'])).stdout).toMatch(/^ *78 settings: .* · 130/m)
  })

  it('is 130 after Ctrl-C', async () => {
    let asked = () => {}
    const reached = new Promise<void>((resolve) => {
      asked = resolve
    })
    const silent = await standIn(() => asked())
    const command = new Command(['ps', '--url', silent.url])
    await reached
    command.process.kill('SIGINT')
    expect(await command.ended).toMatchObject({ code: 130, stdout: '' })
  })

  it('is 0 if the reader of the output has closed it', async () => {
    let answer = () => {}
    let asked = () => {}
    const reached = new Promise<void>((resolve) => {
      asked = resolve
    })
    const daemon = await standIn((req, res) => {
      answer = () => answering(200, IDLE)(req, res)
      asked()
    })
    const command = new Command(['ps', '--url', daemon.url])
    await reached
    command.process.stdout.destroy()
    answer()
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('config', () => {
  const env = { FOREMAN_OLLAMA_URL: 'http://mac.local:11434', FOREMAN_TOKEN: 's3cret' }

  it('shows the effective settings and their origin, without secrets', async () => {
    const cwd = emptyDirectory({ '.env': 'FOREMAN_DB=queue.db\nFOREMAN_POL_INTERVAL=1s', key: 'k3y\n' })
    const { code, stdout, stderr } = await runHere(['config', '--addr', ':9090', '--allow-management'], {
      cwd,
      env: { ...env, FOREMAN_WEBHOOK_SECRET_FILE: 'key' },
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^FOREMAN_OLLAMA_URL +http:\/\/mac\.local:11434 +environment$/m)
    expect(stdout).toMatch(/^FOREMAN_TOKEN +\*{8} +environment$/m)
    expect(stdout).toMatch(/^FOREMAN_WEBHOOK_SECRET +\*{8} +file$/m)
    expect(stdout).toMatch(/^FOREMAN_DB +queue\.db +\.env$/m)
    expect(stdout).toMatch(/^FOREMAN_ADDR +:9090 +flag$/m)
    expect(stdout).toMatch(/^FOREMAN_ALLOW_MANAGEMENT +true +flag$/m)
    expect(stdout).toMatch(/^FOREMAN_HEARTBEAT +10s +default$/m)
    expect(stderr).toContain('did you mean FOREMAN_POLL_INTERVAL?')
    expect(stdout + stderr).not.toMatch(/s3cret|k3y/)
  })

  it('prints one document with --json', async () => {
    const { stdout } = await runHere(['config', '--json'], { env })
    expect(JSON.parse(stdout)).toMatchObject({
      settings: expect.arrayContaining([{ name: 'FOREMAN_TOKEN', value: '********', origin: 'environment' }]),
      warnings: [],
    })
  })

  it('exits with 78 and every problem if serve would', async () => {
    const bad = { FOREMAN_POLL_INTERVAL: '5', FOREMAN_LOG_LEVEL: 'loud' }
    for (const command of ['config', 'serve']) {
      const { code, stdout, stderr } = await runHere([command], { env: bad })
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
      expect(stderr.trimEnd().split('\n')).toEqual([
        expect.stringContaining('FOREMAN_OLLAMA_URL is required'),
        expect.stringContaining('FOREMAN_POLL_INTERVAL=5 has no unit'),
        expect.stringContaining('FOREMAN_LOG_LEVEL=loud'),
      ])
    }
  })
})
