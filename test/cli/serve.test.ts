import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endsAtOnce } from '../../src/cli/serve.ts'
import { compileCache } from '../compile-cache.ts'
import { Command, emptyDirectory, run } from './command-line.ts'
import { runHere } from './here.ts'
import { deadUrl } from './stand-in.ts'

const program = resolve(import.meta.dirname, 'scripted-daemon.ts')
const scripted = (script: string): Command => new Command([script], { program, env: compileCache() })

describe('serve', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('stops gracefully on %s and exits with 0', async (signal) => {
    const daemon = scripted('as usual')
    await daemon.said('started')
    daemon.process.kill(signal)
    const { code, stdout } = await daemon.ended
    expect(code).toBe(0)
    expect(stdout).toContain('"stopped"')
  })

  it('exits at once on a second signal', async () => {
    const daemon = scripted('stops never')
    await daemon.said('started')
    daemon.process.kill('SIGTERM')
    await daemon.said('stopping on SIG')
    daemon.process.kill('SIGINT')
    expect(await daemon.ended).toMatchObject({ code: 130 })
  })

  it('ignores a second SIGHUP, which a closed terminal and its shell both send', async () => {
    const daemon = scripted('stops never')
    await daemon.said('started')
    daemon.process.kill('SIGHUP')
    await daemon.said('stopping on SIG')
    daemon.process.kill('SIGHUP')
    daemon.process.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 143 })
  })

  it.each([
    ['SIGINT', 'SIGINT', 5, false],
    ['SIGINT', 'SIGINT', 300, true],
    ['SIGINT', 'SIGTERM', 5, true],
    ['SIGTERM', 'SIGHUP', 1_000, false],
  ])('after %s, a %s %i ms later exits at once: %s', (first, later, ms, ends) => {
    expect(endsAtOnce({ name: first, at: 100 }, { name: later, at: 100 + ms })).toBe(ends)
  })

  it('stops after its start if it is asked to stop while it starts', async () => {
    const daemon = scripted('starts slowly')
    await daemon.said('starting')
    daemon.process.kill('SIGTERM')
    await daemon.said('stopping on SIG')
    daemon.process.stdin.write('go on\n')
    const { code, stdout } = await daemon.ended
    expect(code).toBe(0)
    expect(stdout.indexOf('"started"')).toBeLessThan(stdout.indexOf('"stopped"'))
  })

  it.each([
    ['port taken', 69, '127.0.0.1:8080 is taken'],
    ['start is broken', 70, 'unheard of'],
    ['ends by itself', 70, 'started'],
    ['throws later', 70, 'nobody caught me'],
  ])('exits with the code of the error: %s', async (script, code, message) => {
    const ended = await scripted(script).ended
    expect(ended).toMatchObject({ code, stderr: '' })
    expect(ended.stdout).toContain(message)
  })

  it('says so and exits with 70 if its stop fails', async () => {
    const daemon = scripted('stop is broken')
    await daemon.said('started')
    daemon.process.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 70, stdout: expect.stringContaining('did not stop cleanly') })
  })

  it('keeps running if the reader of its log leaves', async () => {
    const daemon = scripted('talks on')
    await daemon.said('started')
    daemon.process.stdout.destroy()
    daemon.process.stdin.write('go on\n')
    await daemon.said('talked on')
    daemon.process.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 0 })
  })
})

it('a daemon that fails while its log is not read exits too', async () => {
  const daemon = scripted('throws when told')
  await daemon.said('started')
  daemon.process.stdout.destroy()
  daemon.process.stdin.write('go on\n')
  expect(await daemon.ended).toMatchObject({ code: 70 })
})

describe('the real daemon', () => {
  const env = async (port = 0) => ({
    FOREMAN_OLLAMA_URL: await deadUrl(),
    FOREMAN_ADDR: `127.0.0.1:${port}`,
    FOREMAN_SHUTDOWN_GRACE: '0',
    FOREMAN_MIN_FREE: '0',
  })

  it('opens no file if a setting is invalid', async () => {
    const cwd = emptyDirectory()
    const { code } = await runHere(['serve', '--heartbeat', '5'], { cwd, env: await env() })
    expect(code).toBe(78)
    expect(existsSync(join(cwd, 'foreman.db'))).toBe(false)
  })

  it('does not start if the addresses of this machine cannot be read', async () => {
    const cwd = emptyDirectory({
      'no-netlink.mjs': `import os from 'node:os'
        import { syncBuiltinESMExports } from 'node:module'
        os.networkInterfaces = () => { throw new Error('uv_interface_addresses returned Unknown system error 97') }
        syncBuiltinESMExports()`,
    })
    const preload = { NODE_OPTIONS: '--import=./no-netlink.mjs' }
    const { code, stderr } = await run(['serve'], { cwd, env: { ...(await env()), ...preload } })
    expect(code).toBe(78)
    expect(stderr).toMatch(/^foreman: the network addresses of this machine cannot be read .*AF_NETLINK.*\n$/)
    expect(existsSync(join(cwd, 'foreman.db'))).toBe(false)
    // The other commands do not need them.
    const caller = { FOREMAN_URL: await deadUrl(), ...preload }
    expect(await run(['health'], { cwd, env: caller })).toMatchObject({ code: 5 })
  })

  it('answers the other commands, refuses a second daemon on its database, and stops', async () => {
    const cwd = emptyDirectory({ token: 's3cret\n' })
    const settings = { ...(await env()), FOREMAN_TOKEN_FILE: 'token' }
    const daemon = new Command(['serve'], { cwd, env: settings })
    await daemon.said('foreman is listening')
    const [, url = ''] = /"url":"([^"]+)"/.exec(daemon.stdout) ?? []
    const caller = { cwd, env: { FOREMAN_URL: url, FOREMAN_TOKEN: 's3cret' } }
    expect(await runHere(['health'], { cwd, env: { FOREMAN_URL: url } })).toMatchObject({ code: 0 })
    expect(await runHere(['ps'], { cwd, env: { FOREMAN_URL: url } })).toMatchObject({ code: 6 })
    expect(await runHere(['pause'], caller)).toMatchObject({ code: 0 })
    expect(await runHere(['ps'], caller)).toMatchObject({ code: 0, stdout: expect.stringContaining('PAUSED') })
    expect(await runHere(['resume'], caller)).toMatchObject({ code: 0 })
    expect(await run(['serve'], { cwd, env: settings })).toMatchObject({ code: 75 })
    daemon.process.kill('SIGTERM')
    const { code, stdout } = await daemon.ended
    expect(code).toBe(0)
    expect(stdout).not.toContain('s3cret')
  })

  it('is found by health at FOREMAN_ADDR without FOREMAN_URL', async () => {
    const daemon = new Command(['serve'], { env: await env() })
    await daemon.said('foreman is listening')
    const [, port = ''] = /"url":"[^"]+:(\d+)"/.exec(daemon.stdout) ?? []
    expect(await runHere(['health'], { env: { FOREMAN_ADDR: `:${port}` } })).toMatchObject({ code: 0 })
  })

  it('exits with 69 if its port is taken, and leaves no database', async () => {
    const other = createServer()
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void other.close())
    const cwd = emptyDirectory()
    const ended = await run(['serve'], { cwd, env: await env((other.address() as AddressInfo).port) })
    expect(ended).toMatchObject({ code: 69, stderr: '' })
    expect(readdirSync(cwd)).toEqual([])
  })

  it('ignores SIGUSR1 and opens no debugger', async () => {
    const daemon = new Command(['serve'], { env: await env() })
    await daemon.said('foreman is listening')
    daemon.process.kill('SIGUSR1')
    const [, url = ''] = /"url":"([^"]+)"/.exec(daemon.stdout) ?? []
    expect(await runHere(['health'], { env: { FOREMAN_URL: url } })).toMatchObject({ code: 0 })
    daemon.process.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('stops if the npm that started it is killed', async () => {
    const root = resolve(import.meta.dirname, '../..')
    const db = join(emptyDirectory(), 'foreman.db')
    const settings = { ...(await env()), FOREMAN_DB: db, FOREMAN_LOG_FORMAT: 'json' }
    const npm = new Command(['start', '--silent'], { cwd: root, env: settings, executable: 'npm' })
    await npm.said('foreman is listening')
    npm.process.kill('SIGTERM')
    // Its output closes when the daemon, too, has ended.
    expect((await npm.ended).stdout).toContain('"stopped"')
    const again = new Command(['serve'], { env: settings })
    await again.said('foreman is listening')
  })

  it('exits with 70 if its database cannot be opened', async () => {
    const cwd = emptyDirectory({ 'foreman.db': 'this is no database, whatever its name says' })
    expect(await run(['serve'], { cwd, env: await env() })).toMatchObject({ code: 70, stderr: '' })
  })
})
