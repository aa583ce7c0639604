// Webhook receiver in the process of the bench. It reports when the webhook of a job arrived and when the target had
// answered that job: the target writes its time into each record, and the webhook carries the answer.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { microseconds } from './monotonic.ts'

export interface Arrival {
  /** When the target wrote the answer, and when the webhook arrived; µs of the machine's monotonic clock. */
  readonly answeredAt: number
  readonly arrivedAt: number
}

export interface HealthyReceiver {
  readonly url: string
  /** Called with every webhook as it arrives. */
  onArrival: (arrival: Arrival) => void
  stop(): void
}

export async function startHealthyReceiver(): Promise<HealthyReceiver> {
  const receiver = { url: '', onArrival: (_: Arrival): void => {}, stop: () => void server.close() }
  const server = createServer({ noDelay: true }, (req: IncomingMessage, res: ServerResponse) => {
    const arrivedAt = microseconds()
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.once('end', () => {
      res.writeHead(200, { 'Content-Length': 0 }).end()
      const found = /"at\\?":(\d+(\.\d+)?)/.exec(Buffer.concat(parts).toString('utf8'))
      receiver.onArrival({ answeredAt: Number(found?.[1]), arrivedAt })
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  receiver.url = `http://127.0.0.1:${address.port}/hook`
  return receiver
}
