import { linkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { emptyDirectory } from './command-line.ts'
import { type HereOptions, runHere } from './here.ts'
import { answering, deadUrl, standIn } from './stand-in.ts'

const ENV = { FOREMAN_OLLAMA_URL: 'http://mac.local:11434', FOREMAN_TOKEN: 's3cret', FOREMAN_MIN_FREE: '1' }
const check = (flags: readonly string[], options: HereOptions) => runHere(['config', 'check', ...flags], options)

describe('config check', () => {
  it('prints each setting, its origin and the files read, and exits with 0', async () => {
    const { code, stdout, stderr } = await check(['--addr', '127.0.0.1:9090'], { env: ENV })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^FOREMAN_TOKEN +\*{8} +environment$/m)
    expect(stdout).toMatch(/^FOREMAN_ADDR +127\.0\.0\.1:9090 +flag$/m)
    expect(stdout).toMatch(/^database +\S+foreman\.db does not exist yet; foreman creates it$/m)
    expect(stdout).toMatch(/^free disk +\S+ \S+ beside the database$/m)
    expect(stdout).not.toMatch(/^target/m)
    expect(stdout).not.toContain('s3cret')
  })

  it('prints every invalid setting beside the valid ones and exits with 78', async () => {
    const env = { ...ENV, FOREMAN_OLLAMA_URL: 'http://u:s3cret@mac', FOREMAN_POLL_INTERVAL: '5', FOREMAN_DB: 'a.db' }
    const { code, stdout, stderr } = await check([], { env })
    expect(code).toBe(78)
    expect(stdout).toMatch(/^FOREMAN_DB +a\.db +environment$/m)
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/FOREMAN_OLLAMA_URL=http:\/\/\*\*\*@mac holds credentials: .*; allowed: /),
      expect.stringMatching(/FOREMAN_POLL_INTERVAL=5 has no unit .*; allowed: /),
    ])
    expect(stdout + stderr).not.toContain('s3cret')
  })

  it('prints one document with --json', async () => {
    const cwd = emptyDirectory({ 'other.db': 'text' })
    const { code, stdout } = await check(['--json', '--db', 'other.db'], { env: ENV, cwd })
    expect(code).toBe(78)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      settings: expect.arrayContaining([{ name: 'FOREMAN_DB', value: 'other.db', origin: 'flag' }]),
      findings: [{ about: 'database' }, { about: 'free disk', problem: null }],
      problems: ['FOREMAN_DB=other.db: it is not a foreman database: set FOREMAN_DB to another path'],
    })
  })

  it.each([
    ['missing/foreman.db', 'FOREMAN_DB=missing/foreman.db: the folder', 'no such file or directory'],
    ['text/foreman.db', 'FOREMAN_DB=text/foreman.db:', 'is not a folder'],
    ['.', 'FOREMAN_DB=.:', 'is not a regular file'],
    ['linked', 'FOREMAN_DB=linked:', '2 names'],
  ])('rejects the database path %s', async (db, setting, problem) => {
    const cwd = emptyDirectory({ text: '', linked: '' })
    linkSync(join(cwd, 'linked'), join(cwd, 'again'))
    const { code, stderr } = await check(['--db', db], { env: ENV, cwd })
    expect(code).toBe(78)
    expect(stderr).toContain(setting)
    expect(stderr).toContain(problem)
  })

  it('accepts an empty file and rejects the database of another program', async () => {
    const cwd = emptyDirectory({ 'empty.db': '' })
    const head = Buffer.alloc(100)
    head.write('SQLite format 3\0', 'latin1')
    head.writeUInt32BE(1, 68)
    writeFileSync(join(cwd, 'foreign.db'), head)
    expect(await check(['--db', 'empty.db'], { env: ENV, cwd })).toMatchObject({ code: 0 })
    expect(await check(['--db', 'foreign.db'], { env: ENV, cwd })).toMatchObject({ code: 78 })
  })

  it('prints the free disk space if it is less than FOREMAN_MIN_FREE', async () => {
    const { code, stderr } = await check(['--min-free', '16TiB'], { env: ENV })
    expect(code).toBe(78)
    expect(stderr).toMatch(/FOREMAN_MIN_FREE=16TiB: only .* are free beside .*free disk space/)
  })
})

describe('config check --target', () => {
  it("sends the configured credentials and prints the target's version", async () => {
    const target = await standIn(answering(200, { version: '0.17.4' }))
    const env = { ...ENV, FOREMAN_OLLAMA_URL: target.url, FOREMAN_OLLAMA_BASIC: 'user:pass' }
    const { code, stdout } = await check(['--target'], { env })
    expect(code).toBe(0)
    expect(stdout).toContain(`${target.url} is Ollama 0.17.4`)
    const authorization = `Basic ${Buffer.from('user:pass').toString('base64')}`
    expect(target.asked).toEqual([{ method: 'GET', path: '/api/version', authorization }])
  })

  it.each([
    [answering(401, { error: 'unauthorized' }), 'with 401: set FOREMAN_OLLAMA_TOKEN'],
    [answering(200, 'a page'), 'without a version: set FOREMAN_OLLAMA_URL'],
    [answering(302, '', { location: '/elsewhere' }), 'with 302: set FOREMAN_OLLAMA_URL'],
  ])('rejects a server that is not Ollama or requires a token', async (answer, problem) => {
    const target = await standIn(answer)
    const { code, stderr } = await check(['--target'], { env: { ...ENV, FOREMAN_OLLAMA_URL: target.url } })
    expect(code).toBe(78)
    expect(stderr).toContain(problem)
  })

  it('says why a target does not answer', async () => {
    const env = { ...ENV, FOREMAN_OLLAMA_URL: await deadUrl() }
    const { code, stderr } = await check(['--target'], { env })
    expect(code).toBe(78)
    expect(stderr).toMatch(/FOREMAN_OLLAMA_URL=\S+: it does not answer \(.+\): start Ollama there/)
  })
})
