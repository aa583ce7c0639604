// A disk that fails while a job is written: the answer to the submitter, the end of the daemon, and the state afterwards.

import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { Command, emptyDirectory } from '../cli/command-line.ts'
import { deadUrl } from '../cli/stand-in.ts'

const cannotPreload =
  process.platform !== 'linux' || spawnSync('cc', ['--version']).error !== undefined
    ? 'needs Linux and a C compiler (cc)'
    : null

function builtShim(): string {
  const shim = join(emptyDirectory(), 'failing-fsync.so')
  const source = resolve(import.meta.dirname, 'failing-fsync.c')
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', shim, source, '-ldl'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the shim was not built: ${stderr}`)
  return shim
}

it('a submission with a failed fsync is answered with outcome_unknown, and only its key makes a retry safe', async (context) => {
  context.skip(cannotPreload !== null, cannotPreload ?? '')
  const cwd = emptyDirectory()
  const broken = join(cwd, 'broken')
  const env = {
    FOREMAN_OLLAMA_URL: await deadUrl(),
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_MIN_FREE: '0',
    LD_PRELOAD: builtShim(),
    FSYNC_FAILS_WHILE: broken,
  }
  const start = async (): Promise<{ command: Command; url: string }> => {
    const command = new Command(['serve'], { cwd, env })
    await command.said('foreman is listening')
    return { command, url: /"url":"([^"]+)"/.exec(command.stdout)?.[1] ?? '' }
  }
  const submit = (url: string): Promise<Response> =>
    fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'once' },
      body: JSON.stringify({ endpoint: '/api/generate', model: 'tiny-a', prompt: 'hello', stream: false }),
    })

  const first = await start()
  writeFileSync(broken, '')
  const answer = await submit(first.url)
  const { headers } = answer
  expect([answer.status, headers.get('x-foreman-error'), headers.get('retry-after')]).toEqual([
    ...[503, 'outcome_unknown', '10'],
  ])
  const { code, stdout } = await first.command.ended
  expect(code).toBe(70)
  const fatal = stdout.split('\n').filter((line) => line.includes('"fatal"'))
  expect(fatal).toEqual([expect.stringContaining('a transaction of enqueue failed: disk I/O error')])

  rmSync(broken)
  const second = await start()
  expect((await submit(second.url)).status).toBe(202)
  expect((await submit(second.url)).status).toBe(202)
  const { jobs } = (await (await fetch(`${second.url}/jobs`)).json()) as { jobs: unknown[] }
  expect(jobs).toHaveLength(1)
})
