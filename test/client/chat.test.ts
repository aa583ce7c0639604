import type { RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ApiError, ForemanClient, UnreachableError } from '../../src/client/index.ts'
import { ClientTimers, json, scriptedForeman, until } from './scripted-foreman.ts'

const BODY = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }
const record = (content: string, done = false) => ({ model: 'tiny-a', message: { role: 'assistant', content }, done })
const line = (it: unknown): string => `${JSON.stringify(it)}\n`

async function chatting(answer: RequestListener) {
  const foreman = await scriptedForeman()
  foreman.answers.set('POST /api/chat', answer)
  return { foreman, client: new ForemanClient({ url: foreman.url }) }
}

async function all<T>(iteration: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const one of iteration) into.push(one)
  return into
}

describe('a waiting chat', () => {
  it('iterates over the records without heartbeats', async () => {
    const { foreman, client } = await chatting((_req, res) => {
      res.write('   ')
      res.end(line(record('hel')) + line(record('lo', true)).trimEnd())
    })
    const timers = new ClientTimers()
    expect(await all(client.chat(BODY))).toEqual([record('hel'), record('lo', true)])
    expect(JSON.parse(foreman.asked[0]?.body ?? '')).toEqual({ ...BODY, stream: true })
    await until('the socket is closed', () => foreman.sockets === 0)
    expect(timers.delays).toEqual([])
  })

  it('is one record if it is not streamed, however long it takes', async () => {
    const { client } = await chatting((_req, res) => json(res, 200, record('hello', true)))
    const timers = new ClientTimers()
    const answer = client.chat({ ...BODY, stream: false })
    expect(timers.delays).toEqual([])
    expect(await answer).toEqual(record('hello', true))
  })

  it.each([
    ['ends too early', line(record('hel')), 'incomplete_stream'],
    ['says that it failed', line(record('hel')) + line({ error: 'the model is gone' }), null],
  ])('that %s never counts as complete', async (_, body, code) => {
    const { client } = await chatting((_req, res) => res.end(body))
    const seen: unknown[] = []
    const error = await all(client.chat(BODY), seen).catch((it: unknown) => it)
    expect(seen).toEqual([record('hel')])
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 200, code })
  })

  it('that is cut never counts as complete', async () => {
    const { client } = await chatting((_req, res) => res.write(line(record('hel')), () => res.destroy()))
    await expect(all(client.chat(BODY))).rejects.toBeInstanceOf(UnreachableError)
  })

  it('that is refused throws the reason', async () => {
    const { client } = await chatting((_req, res) => json(res, 404, { error: "model 'x' not found" }))
    await expect(all(client.chat(BODY))).rejects.toMatchObject({ status: 404, message: "model 'x' not found" })
  })

  it('that the program leaves ends at foreman too', async () => {
    const { foreman, client } = await chatting((_req, res) => void res.write(line(record('hel'))))
    for await (const _ of client.chat(BODY)) break
    await until('the socket is closed', () => foreman.sockets === 0)
    const controller = new AbortController()
    const silent = all(client.chat(BODY, { signal: controller.signal })).catch((it: unknown) => it)
    await until('it is asked', () => foreman.asked.length === 2)
    controller.abort('enough')
    expect(await silent).toBe('enough')
    await until('the socket is closed', () => foreman.sockets === 0)
  })
})
