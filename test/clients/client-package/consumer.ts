// A small program in TypeScript that uses the package, for the compiler alone.

import {
  ApiError,
  type ChatRecord,
  ForemanClient,
  type JobDocument,
  type JobEvent,
  JobFailedError,
  type JobHandle,
  type JobState,
  WaitTimeoutError,
} from 'foreman-client'

const client = new ForemanClient({ url: 'http://127.0.0.1:8080', receiver: { secret: 's' } })

export async function whole(signal: AbortSignal): Promise<JobDocument | null> {
  const job: JobHandle = await client.submit(
    { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], options: { seed: 7 } },
    { label: 'x', startBefore: '5m', finishBefore: 60_000, webhookEvents: ['done'], webhookUrl: 'http://x/', signal },
  )
  for await (const event of job.events({ after: 0, signal })) note(event)
  for await (const text of job.text({ onVoid: () => undefined })) text.toUpperCase()
  try {
    return await job.result({ signal, timeoutMs: 1000, via: 'events' })
  } catch (error) {
    if (error instanceof JobFailedError) return error.job
    if (error instanceof WaitTimeoutError) return null
    if (error instanceof ApiError && error.status === 503) return null
    throw error
  }
}

function note(event: JobEvent): JobState | unknown {
  return event.type === 'state' ? event.state : event.data
}

export async function chats(): Promise<ChatRecord> {
  for await (const record of client.chat({ model: 'tiny-a' })) if (record.done) return record
  await using events = client.job('x').events()
  await events.next()
  // @ts-expect-error: a body names its model
  await client.submit({ messages: [] })
  // @ts-expect-error: there is no such state
  await client.list({ state: 'canceled' })
  return client.chat({ model: 'tiny-a', stream: false })
}
