// Shows a receiver of webhooks that can be relied on: it believes only what is signed, answers before it works, and does
// nothing twice although a webhook may come twice.
//
//   FOREMAN_WEBHOOK_SECRET=… node webhook-receiver.ts 8090
//
// with the secret that foreman was started with. Then hand in a job that is to be told here:
//
//   curl http://127.0.0.1:8080/jobs -d '{"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}],
//     "state_webhook_url": "http://127.0.0.1:8090/"}'

import { createServer, type IncomingMessage } from 'node:http'
import { verifyWebhook, type WebhookPayload, webhookKey } from 'foreman-client'

const { FOREMAN_WEBHOOK_SECRET = '' } = process.env
const port = Number(process.argv[2] ?? 8090)

// Two secrets, with a comma between, while one takes the place of the other.
const keys = FOREMAN_WEBHOOK_SECRET.split(',')
  .filter((secret) => secret !== '')
  .map((secret) => webhookKey(secret.trim()))
  .filter((key) => key !== null)
if (keys.length === 0) {
  console.error('FOREMAN_WEBHOOK_SECRET must be what foreman was started with')
  process.exit(2)
}

/** Far above any webhook: artifacts of more than 256 KiB are not in it. */
const LONGEST = 8 * 1024 ** 2

/** In a program with a database: a column with a unique index, written in the transaction of what you do. */
const seen = new Set<string>()

const server = createServer(async (req, res) => {
  const body = await bytesOf(req).catch(() => null)
  if (body === null) return void res.writeHead(413, { connection: 'close' }).end()
  // The bytes as they came: parsed and written again they would be another body.
  const verification = await verifyWebhook({ headers: req.headers, body, keys, now: Date.now() })
  if (verification.kind === 'invalid') {
    console.error(`refused: ${verification.reason}`)
    return void res.writeHead(401).end()
  }
  // After this foreman never sends it again, so what must not be lost is written down first. Work that takes long comes
  // later: whoever has not answered within 15 s gets it again.
  const isNew = !seen.has(verification.id)
  seen.add(verification.id)
  res.writeHead(204).end()
  if (isNew) work(JSON.parse(new TextDecoder().decode(body)) as WebhookPayload)
  else console.log(`${verification.id} has come before`)
})

/** Webhooks of one job come in their order, `sequence`; those of several jobs in any. */
function work(webhook: WebhookPayload): void {
  console.log(`${webhook.job_id} ${webhook.sequence} ${webhook.state}`)
  if (webhook.state === 'failed' || webhook.state === 'cancelled') console.log(`  ${webhook.error?.code}`)
  if (webhook.state !== 'done') return
  const completion = webhook.artifacts?.find(({ name }) => name === 'completion')
  // A long one has a `url` instead: GET it from foreman.
  console.log(`  ${completion?.data ?? `at ${completion?.url}`}`)
}

/** Rejects when it is too long to be a webhook. */
async function bytesOf(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > LONGEST) throw new Error('too long')
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}

server.listen(port, '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : port}/`)
})
