import { describe, expect, it } from 'vitest'
import { AnswerVoidedError, ForemanClient, JobCancelledError, JobFailedError, textOf } from '../../src/client/index.ts'
import { document, ID, scriptedForeman, stateEvent, until, wordEvent } from './scripted-foreman.ts'

const RECORDS: readonly (readonly [what: string, data: unknown, text: string])[] = [
  ['a chat', { message: { role: 'assistant', content: 'hi' }, done: false }, 'hi'],
  ['a chat that thinks', { message: { role: 'assistant', content: '', thinking: 'hm' } }, ''],
  ['a completion', { response: 'hi', done: false }, 'hi'],
  ['a stream of OpenAI', { choices: [{ index: 0, delta: { content: 'hi' } }] }, 'hi'],
  ['its second choice', { choices: [{ index: 1, delta: { content: 'no' } }] }, ''],
  ['its usage', { choices: [], usage: { prompt_tokens: 1 } }, ''],
  ['its end', '[DONE]', ''],
  ['an answer of OpenAI', { object: 'chat.completion', choices: [{ message: { content: 'hi' } }] }, 'hi'],
  ['an old completion of OpenAI', { choices: [{ text: 'hi', index: 0 }] }, 'hi'],
  ['a stream of Anthropic', { type: 'content_block_delta', delta: { type: 'text_delta', text: 'hi' } }, 'hi'],
  ['its thinking', { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'hm' } }, ''],
  ['its beginning', { type: 'message_start', message: { role: 'assistant', content: [] } }, ''],
  ['an answer of Anthropic', { type: 'message', content: [{ type: 'text', text: 'hi' }, { type: 'tool_use' }] }, 'hi'],
  ['a stream of responses', { type: 'response.output_text.delta', delta: 'hi' }, 'hi'],
  ['its end, which has it all again', { type: 'response.completed', response: { output: [] } }, ''],
  ['what it has done', { type: 'response.output_text.done', text: 'hi' }, ''],
  [
    'a response',
    { object: 'response', output: [{ type: 'message', content: [{ type: 'output_text', text: 'hi' }] }] },
    'hi',
  ],
  ['a transcription', { text: 'hi' }, 'hi'],
  ['nothing', null, ''],
  ['something odd', { message: 7, choices: 'x', output: [null] }, ''],
]

describe('the text of a job', () => {
  it.each(RECORDS)('of %s', (_, data, text) => expect(textOf(data)).toBe(text))

  it('comes word by word and ends when the job is done', async () => {
    const foreman = await scriptedForeman()
    foreman.history = [
      stateEvent(1, 'queued'),
      stateEvent(2, 'working', 'queued'),
      wordEvent(2, 1, 'hel'),
      wordEvent(2, 2, ''),
      wordEvent(2, 3, 'lo'),
      stateEvent(3, 'done', 'working'),
    ]
    const words: string[] = []
    for await (const word of new ForemanClient({ url: foreman.url }).job(ID).text()) words.push(word)
    expect(words).toEqual(['hel', 'lo'])
  })

  const VOIDED = [
    stateEvent(1, 'queued'),
    stateEvent(2, 'working', 'queued'),
    wordEvent(2, 1, 'hel'),
    stateEvent(3, 'queued', 'working'),
    stateEvent(4, 'working', 'queued'),
    wordEvent(4, 1, 'good day'),
    stateEvent(5, 'done', 'working'),
  ]

  it('reports a requeue before the text of the next attempt', async () => {
    const foreman = await scriptedForeman()
    foreman.history = VOIDED
    const words: string[] = []
    const reading = (async () => {
      for await (const word of new ForemanClient({ url: foreman.url }).job(ID).text()) words.push(word)
    })()
    await expect(reading).rejects.toBeInstanceOf(AnswerVoidedError)
    expect(words).toEqual(['hel'])
    await until('the socket is closed', () => foreman.sockets === 0)
  })

  it('restarts for a caller that can discard text', async () => {
    const foreman = await scriptedForeman()
    foreman.history = [...VOIDED]
    // Requeued once more before any text: nothing is discarded.
    foreman.history.splice(4, 0, stateEvent(3.5, 'queued', 'loading'))
    let words: string[] = []
    let voids = 0
    const onVoid = (): void => {
      voids++
      words = []
    }
    for await (const word of new ForemanClient({ url: foreman.url }).job(ID).text({ onVoid })) words.push(word)
    expect({ words, voids }).toEqual({ words: ['good day'], voids: 1 })
  })

  it('is not discarded if the job was requeued before its first word', async () => {
    const foreman = await scriptedForeman()
    foreman.history = VOIDED.filter((event) => event.number !== VOIDED[2]?.number)
    const words: string[] = []
    for await (const word of new ForemanClient({ url: foreman.url }).job(ID).text()) words.push(word)
    expect(words).toEqual(['good day'])
  })

  it.each([
    ['failed', JobFailedError],
    ['cancelled', JobCancelledError],
  ] as const)('of a job that is %s ends with that error', async (state, kind) => {
    const foreman = await scriptedForeman()
    foreman.job = document(state)
    foreman.history = [stateEvent(1, 'queued'), wordEvent(1, 1, 'hel'), stateEvent(2, state, 'working')]
    const text = new ForemanClient({ url: foreman.url }).job(ID).text()
    expect((await text.next()).value).toBe('hel')
    const error = await text.next().catch((it: unknown) => it)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ job: { job_id: ID, state }, code: foreman.job.error?.code })
  })
})
