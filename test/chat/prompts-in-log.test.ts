// Each prompt contains a canary, and so does each text in which a target may quote it. No log line contains it, at any level.

import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { type Call, Caller, call, chat } from '../caller.ts'
import { breaksWith, cut, FakeOllama, fails, hangsUp, page, raw, type Script, says, unmarked } from '../fake-ollama.ts'
import { passTime, startForeman, until } from '../harness.ts'
import { act, inState, post, submit } from '../http/jobs/submission.ts'

const CANARY = 'canary-4f1d'
const PROMPT = { messages: [{ role: 'user', content: CANARY }] }
const CHAT = { model: 'tiny-a', ...PROMPT }

const ANSWERS: readonly (readonly [name: string, script: Script])[] = [
  ['an answer', says(CANARY)],
  ['an HTTP error', fails(500, `cannot read ${CANARY}`)],
  ['an HTTP error with a known reason', fails(400, `model does not support ${CANARY}`)],
  ['an HTTP error that is not JSON', { status: 500, body: CANARY }],
  ['an error record', breaksWith(CANARY)],
  ['a stream without its end', { ...unmarked(), ...says(CANARY, CANARY) }],
  ['a cut', { ...cut('fin', 1), ...says(CANARY, CANARY) }],
  ['a hang-up', hangsUp()],
  ['an invalid chunk', { ...says(CANARY, CANARY), ending: 'bad chunk', after: 1 }],
  ['an invalid status line', raw(`${CANARY}\r\n\r\n`)],
  ['an invalid header', raw(`HTTP/1.1 200 OK\r\n${CANARY}\r\n\r\n${CANARY}`)],
  ['a redirect', raw(`HTTP/1.1 302 ${CANARY}\r\nLocation: /${CANARY}\r\nContent-Length: 0\r\n\r\n`)],
  ['HTML', raw(`HTTP/1.1 200 ${CANARY}\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\n${CANARY}`)],
  ['lines that are not JSON', raw(`HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n${CANARY}\n`)],
  ['a page of a proxy', page(503, CANARY)],
]

const lines = (logged: readonly object[]) => logged.map((line) => JSON.stringify(line))
const withCanary = (logged: readonly object[]) => lines(logged).filter((line) => line.includes(CANARY))

describe('the log', () => {
  it.each([
    ['streamed', { body: CHAT }],
    ['unstreamed', { body: { ...CHAT, stream: false } }],
    ['embedded', { path: '/api/embed', body: { model: 'tiny-embed', input: CANARY } }],
  ] as const)('does not contain a prompt that is %s, whatever the target answers', async (_name, request) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { heartbeatMs: 0, maxAttempts: 1 } })
    const { path = '/api/chat' }: Call = request
    for (const [name, script] of ANSWERS) {
      fake.on(path, script)
      const caller = new Caller(running.url, request)
      const answer = caller.answer().catch(() => null)
      const over = answer.then(() => true)
      await until(`${name} is answered`, async () => {
        if (await Promise.race([over, passTime(running, fake, 1_000)])) return true
        return false
      })
      expect([name, withCanary(running.logged)]).toEqual([name, []])
    }
    expect(running.logged.length).toBeGreaterThan(10)
  })

  it('does not contain the prompt of a job, whatever the target answers', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { maxAttempts: 1, maxAnswer: 100_000 } })
    for (const [name, script] of [...ANSWERS, ['too long', says(CANARY.repeat(10_000))] as const]) {
      fake.on('/api/chat', script)
      const { job_id: id } = await submit(running.url, PROMPT)
      await until(`${name} has ended the job`, async () => {
        await passTime(running, fake, 1_000)
        return ['done', 'failed'].includes(String(running.logged.findLast((line) => line['job'] === id)?.['state']))
      })
      expect([name, withCanary(running.logged)]).toEqual([name, []])
    }
  })

  it('does not contain the prompt of a refused request', async () => {
    await using fake = await FakeOllama.start()
    const { url, logged } = await startForeman(fake, { config: { maxBody: 10_000 } })
    const refused: readonly Call[] = [
      { body: `{"model":"tiny-a","prompt":"${CANARY}` },
      { body: `{"model":"tiny-a","${CANARY}":1,"${CANARY}":2,"model":"x"}` },
      { body: `${CANARY}` },
      { body: { ...CHAT, model: 'missing' } },
      { body: { ...CHAT, keep_alive: CANARY } },
      { body: { ...CHAT, pad: CANARY.repeat(1_000) } },
      { body: CHAT, headers: { 'Content-Encoding': 'zstd' } },
      { body: CHAT, headers: { 'Idempotency-Key': `two ${CANARY}` } },
      { path: `/api/chat/${CANARY}`, body: CHAT },
      {
        path: '/v1/audio/transcriptions',
        body: CANARY,
        headers: { 'Content-Type': 'multipart/form-data; boundary=x' },
      },
      { path: '/jobs', body: { ...CHAT, label: 5, callback_url: CANARY } },
      { path: '/jobs', body: `{"messages":"${CANARY}"` },
    ]
    for (const request of refused) {
      const { status } = await call(url, request)
      expect([request, status >= 400]).toEqual([request, true])
      expect([request.path, withCanary(logged)]).toEqual([request.path, []])
    }
  })

  it('does not contain the prompt of a cancelled or stopped run', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake, { config: { runLimitMs: 5_000 } })
    const { url, logged } = running
    const runs = async (): Promise<void> => {
      fake.on('/api/chat', { ...says(CANARY, CANARY), ending: 'stall', after: 1 })
      await fake.next('/api/chat')
    }
    const caller = chat(url, 'tiny-a', PROMPT)
    await runs()
    await caller.hears(CANARY)
    caller.hangUp()
    const { job_id: id } = await submit(url, PROMPT)
    await runs()
    await act(url, id, 'cancel')
    await inState(url, id, 'cancelled')
    const { job_id: long } = await submit(url, PROMPT)
    await runs()
    await passTime(running, fake, 6_000)
    await inState(url, long, 'failed')
    expect((await post(url, PROMPT)).status).toBe(202)
    expect(withCanary(logged)).toEqual([])
  })

  it('does not contain the prompt if the daemon itself fails', async () => {
    await using fake = await FakeOllama.start()
    const { url, logged } = await startForeman(fake, {
      onStep: (step) => {
        if (step === 'answered') JSON.parse(CANARY)
      },
    })
    const { job_id: id } = await submit(url, PROMPT)
    await inState(url, id, 'failed')
    expect(lines(logged).some((line) => line.includes('SyntaxError'))).toBe(true)
    expect(withCanary(logged)).toEqual([])
  })
})

describe('a logged error', () => {
  it('has its message, code, stack and cause, and no fields added by other modules', () => {
    const logged: string[] = []
    const log = createLog({ logLevel: 'info' }, { write: (line) => void logged.push(line) })
    const cause = new SyntaxError(`Unexpected token in "${CANARY}"`)
    log.error({ err: Object.assign(new Error('outer', { cause }), { code: 'HPE_INVALID', data: CANARY }) }, 'broken')
    const [line = ''] = logged
    expect(JSON.parse(line)).toMatchObject({ err: { type: 'Error', message: 'outer', code: 'HPE_INVALID' } })
    expect(line).toContain('prompts-in-log.test.ts')
    expect(line).not.toContain(CANARY)
  })
})
