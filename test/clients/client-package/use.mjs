// What a user's program does with the installed package: every way to wait, to follow and to give up, against the
// foreman at its first argument. Prints what it saw as JSON; that it ends by itself is part of the test.

import { once } from 'node:events'
import { ForemanClient, JobCancelledError, JobFailedError, WaitTimeoutError } from 'foreman-client'

const [, , url, secret] = process.argv
const client = new ForemanClient({ url })
const body = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }
const seen = { runtime: typeof Bun === 'undefined' ? `node ${process.versions.node}` : `bun ${Bun.version}` }

seen.health = (await client.health()).status

const job = await client.submit(body, { label: 'package', idempotencyKey: `package-${process.pid}` })
let text = ''
for await (const word of job.text()) text += word
seen.text = text
const done = await job.result()
seen.state = done.state
seen.completion = (await client.artifact(job.id, 'completion')).text()
seen.range = (await client.artifact(job.id, 'completion', { range: { from: 0, to: 0 } })).bytes.length
seen.replayed =
  (await client.submit(body, { label: 'package', idempotencyKey: `package-${process.pid}` })).id === job.id

const events = []
for await (const event of job.events()) events.push(event)
const middle = events[1].number
const rest = []
for await (const event of client.job(job.id).events({ after: middle })) rest.push(event.number)
seen.resumed = JSON.stringify(rest) === JSON.stringify(events.slice(2).map(({ number }) => number))
seen.states = events.filter(({ type }) => type === 'state').map(({ state }) => state)

for (const via of ['events', 'polling']) {
  const { state } = await (await client.submit(body)).result({ via })
  seen[via] = state
}
const calling = new ForemanClient({ url, receiver: { secret, onError: (error) => console.error(error) } })
const submitted = await calling.submit(body)
seen.receiver = (await submitted.result({ via: 'receiver' })).state

await client.pause()
const waiting = await client.submit(body)
seen.timeout = await waiting.result({ timeoutMs: 50 }).catch((error) => error instanceof WaitTimeoutError)
seen.aborted = await waiting.result({ signal: AbortSignal.abort('enough') }).catch((error) => error)
for await (const event of waiting.events()) {
  seen.first = event.state
  break
}
await waiting.cancel()
seen.cancelled = await waiting.result().catch((error) => error instanceof JobCancelledError && error.code)
await client.resume()
seen.failed = await (await client.submit({ model: 'tiny-a', prompt: 'hi' }, { endpoint: '/api/generate' }))
  .result()
  .catch((error) => error instanceof JobFailedError && error.code)

const again = await job.retry()
seen.retryOf = (await again.result()).retry_of === job.id
seen.listed = (await client.list({ label: 'package', state: 'done' })).jobs.some(({ job_id }) => job_id === job.id)
await again.delete()
seen.deleted = await again.get().catch(({ code }) => code)

let chatted = ''
for await (const record of client.chat(body)) chatted += record.message.content
seen.chatted = chatted === text
seen.unstreamed = (await client.chat({ ...body, stream: false })).done
seen.embedded = (await client.embed({ model: 'tiny-embed', input: 'hi' })).embeddings.length
seen.models = (await client.tags()).models.length > 0 && Array.isArray((await client.ps()).models)

// A timer or a socket that the library left open is still here after these turns of the event loop, and holds the process.
const open = () => (process.getActiveResourcesInfo?.() ?? []).filter((kind) => /^(TCP|Timeout)/.test(kind))
for (let turn = 0; turn < 10_000 && open().length > 0; turn++) await new Promise((resolve) => setImmediate(resolve))
seen.open = open()
process.stdout.write(`${JSON.stringify(seen)}\n`)
if (process.stdout.writableLength > 0) await once(process.stdout, 'drain')
