import { describe, expect, it } from 'vitest'
import { AnswerError, ForeignError, ForemanClient, RefusedError, UnreachableError } from '../../src/client/index.ts'
import { answering, deadUrl, IDLE, standIn } from '../cli/stand-in.ts'

describe('the client', () => {
  it('asks below a path prefix, with the token', async () => {
    const daemon = await standIn(answering(200, IDLE))
    const client = new ForemanClient({ url: `${daemon.url}/foreman/`, token: 's3cret' })
    expect(await client.status()).toEqual(IDLE)
    expect(daemon.asked).toEqual([{ method: 'GET', path: '/foreman/status', authorization: 'Bearer s3cret' }])
  })

  it('tells apart who did not answer, who refused, who failed and who is somebody else', async () => {
    const failing = async (answer: Parameters<typeof standIn>[0]): Promise<unknown> => {
      const { url } = await standIn(answer)
      return new ForemanClient({ url }).status().catch((error: unknown) => error)
    }
    const full = await failing(
      answering(503, { error: 'foreman is shutting down' }, { 'x-foreman-error': 'shutting_down' }),
    )
    expect(full).toBeInstanceOf(AnswerError)
    expect(full).toMatchObject({
      name: 'AnswerError',
      message: 'foreman is shutting down',
      status: 503,
      code: 'shutting_down',
    })
    expect(await failing(answering(401, { error: 'no' }))).toBeInstanceOf(RefusedError)
    expect(await failing(answering(200, { models: [] }))).toBeInstanceOf(ForeignError)
    expect(await failing(answering(200, 'Ollama is running'))).toBeInstanceOf(ForeignError)
    expect(await failing((req) => req.socket.destroy())).toBeInstanceOf(UnreachableError)
    const nobody = await new ForemanClient({ url: await deadUrl() }).status().catch((error: unknown) => error)
    expect(nobody).toMatchObject({ name: 'UnreachableError', message: expect.stringContaining('ECONNREFUSED') })
  })

  it('gives up when its time is over, also in the middle of an answer', async () => {
    const halfway = await standIn((_req, res) => void res.writeHead(200).write('{"version"'))
    await expect(new ForemanClient({ url: halfway.url, timeoutMs: 200 }).status()).rejects.toThrow(
      'no answer within 200 ms',
    )
  })

  it('gives up at once when it is told to, with the reason it was given', async () => {
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const silent = await standIn(() => controller.abort(reason))
    await expect(new ForemanClient({ url: silent.url }).pause({ signal: controller.signal })).rejects.toBe(reason)
  })

  it('does not carry its token to where a redirect points', async () => {
    const elsewhere = await standIn(answering(200, IDLE))
    const daemon = await standIn(answering(307, '', { location: `${elsewhere.url}/status` }))
    await expect(new ForemanClient({ url: daemon.url, token: 's3cret' }).status()).rejects.toBeInstanceOf(ForeignError)
    expect(elsewhere.asked).toEqual([])
  })
})
