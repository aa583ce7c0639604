// Reliable webhook receiver: it accepts only signed webhooks, answers before it starts its work, and handles each webhook
// once although it may arrive twice.
//
//   FOREMAN_WEBHOOK_SECRET=… node webhook-receiver.ts 8090
//
// Use the secret that foreman was started with. Then submit a job that reports to this receiver:
//
//   curl http://127.0.0.1:8080/jobs -d '{"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}],
//     "state_webhook_url": "http://127.0.0.1:8090/"}'

import { createServer, type IncomingMessage } from 'node:http'
import { verifyWebhook, type WebhookPayload, webhookKey } from 'foreman-client'

const { FOREMAN_WEBHOOK_SECRET = '' } = process.env
const port = Number(process.argv[2] ?? 8090)

// Two secrets, separated by a comma, while one replaces the other.
const keys = FOREMAN_WEBHOOK_SECRET.split(',')
  .filter((secret) => secret !== '')
  .map((secret) => webhookKey(secret.trim()))
  .filter((key) => key !== null)
if (keys.length === 0) {
  console.error('FOREMAN_WEBHOOK_SECRET must be the secret that foreman was started with')
  process.exit(2)
}

/** Far larger than any webhook: artifacts of more than 256 KiB are not in it. */
const MAX_BYTES = 8 * 1024 ** 2

/** In a program with a database, use a column with a unique index, written in the transaction of your work. */
const seen = new Set<string>()

const server = createServer(async (req, res) => {
  const body = await bytesOf(req).catch(() => null)
  if (body === null) return void res.writeHead(413, { connection: 'close' }).end()
  // The bytes as received: parsed and serialised again, they could differ from what was signed.
  const verification = await verifyWebhook({ headers: req.headers, body, keys, now: Date.now() })
  if (verification.kind === 'invalid') {
    console.error(`refused: ${verification.reason}`)
    return void res.writeHead(401).end()
  }
  // After this answer foreman does not send it again, so first save what must not be lost. Do long work after the answer:
  // without an answer within 15 s, foreman sends the webhook again.
  const isNew = !seen.has(verification.id)
  seen.add(verification.id)
  res.writeHead(204).end()
  if (isNew) work(JSON.parse(new TextDecoder().decode(body)) as WebhookPayload)
  else console.log(`${verification.id} was received before`)
})

/** Webhooks of one job arrive in the order of `sequence`; those of several jobs in any order. */
function work(webhook: WebhookPayload): void {
  console.log(`${webhook.job_id} ${webhook.sequence} ${webhook.state}`)
  if (webhook.state === 'failed' || webhook.state === 'cancelled') console.log(`  ${webhook.error?.code}`)
  if (webhook.state !== 'done') return
  const completion = webhook.artifacts?.find(({ name }) => name === 'completion')
  // A long artifact has a `url` instead of `data`: GET it from foreman.
  console.log(`  ${completion?.data ?? `at ${completion?.url}`}`)
}

/** Reads the body. Rejects if it is too long for a webhook. */
async function bytesOf(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_BYTES) throw new Error('too long')
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}

server.listen(port, '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : port}/`)
})
