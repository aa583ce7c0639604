import { describe, expect, it } from 'vitest'
import { ApiError, AuthError, ForemanClient, UnexpectedServerError, UnreachableError } from '../../src/client/index.ts'
import { answering, deadUrl, IDLE, standIn } from '../cli/stand-in.ts'

describe('the client', () => {
  it('sends requests below a path prefix, with the token', async () => {
    const daemon = await standIn(answering(200, IDLE))
    const client = new ForemanClient({ url: `${daemon.url}/foreman/`, token: 's3cret' })
    expect(await client.status()).toEqual(IDLE)
    expect(daemon.asked).toEqual([{ method: 'GET', path: '/foreman/status', authorization: 'Bearer s3cret' }])
  })

  it('distinguishes no answer, a refusal, a failure and another server', async () => {
    const failing = async (answer: Parameters<typeof standIn>[0]): Promise<unknown> => {
      const { url } = await standIn(answer)
      return new ForemanClient({ url }).status().catch((error: unknown) => error)
    }
    const full = await failing(
      answering(503, { error: 'foreman is shutting down' }, { 'x-foreman-error': 'shutting_down' }),
    )
    expect(full).toBeInstanceOf(ApiError)
    expect(full).toMatchObject({
      name: 'ApiError',
      message: 'foreman is shutting down',
      status: 503,
      code: 'shutting_down',
    })
    expect(await failing(answering(401, { error: 'no' }))).toBeInstanceOf(AuthError)
    expect(await failing(answering(200, { models: [] }))).toBeInstanceOf(UnexpectedServerError)
    expect(await failing(answering(200, 'Ollama is running'))).toBeInstanceOf(UnexpectedServerError)
    expect(await failing((req) => req.socket.destroy())).toBeInstanceOf(UnreachableError)
    const nobody = await new ForemanClient({ url: await deadUrl() }).status().catch((error: unknown) => error)
    expect(nobody).toMatchObject({ name: 'UnreachableError', message: expect.stringContaining('ECONNREFUSED') })
  })

  it('gives up after its timeout, also during an answer', async () => {
    const halfway = await standIn((_req, res) => void res.writeHead(200).write('{"version"'))
    await expect(new ForemanClient({ url: halfway.url, timeoutMs: 200 }).status()).rejects.toThrow(
      'no answer within 200 ms',
    )
  })

  it('gives up at once on an abort, with the given reason', async () => {
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const silent = await standIn(() => controller.abort(reason))
    await expect(new ForemanClient({ url: silent.url }).pause({ signal: controller.signal })).rejects.toBe(reason)
  })

  it('does not send its token to the target of a redirect', async () => {
    const elsewhere = await standIn(answering(200, IDLE))
    const daemon = await standIn(answering(307, '', { location: `${elsewhere.url}/status` }))
    await expect(new ForemanClient({ url: daemon.url, token: 's3cret' }).status()).rejects.toBeInstanceOf(
      UnexpectedServerError,
    )
    expect(elsewhere.asked).toEqual([])
  })
})

describe('an argument that cannot work is rejected before any request', () => {
  it.each([
    ['foreman.lan:8080', 'has no scheme: write http:// or https:// before the host, such as http://foreman.lan:8080'],
    ['127.0.0.1:8080', 'such as http://127.0.0.1:8080'],
    ['localhost', 'has no scheme'],
    ['', 'has no scheme'],
    ['//foreman.lan', 'such as http://foreman.lan'],
    ['ftp://foreman.lan', 'has a scheme other than http and https'],
    ['http://', 'is not a URL'],
  ])('the URL %j', (url, why) => {
    expect(() => new ForemanClient({ url })).toThrow(why)
  })
  it('an empty model', async () => {
    const fetch = (): never => {
      throw new Error('the network was asked')
    }
    const client = new ForemanClient({ fetch })
    const why = /^model is .*: name a model/
    for (const model of ['', '  ', undefined as unknown as string, 5 as unknown as string]) {
      await expect(client.submit({ model })).rejects.toThrow(why)
      await expect(client.embed({ model, input: 'x' })).rejects.toThrow(why)
      expect(() => client.chat({ model })).toThrow(why)
    }
  })
})
