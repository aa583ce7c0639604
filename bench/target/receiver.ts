// Webhook receivers that answer 200 at once, one per port, in a process of their own so that their cost is not the load
// generator's. `receiver.ts COUNT` prints `listening PORT …`; `GET /` of any of them returns what all have received.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** By `webhook-id`, so that a webhook received twice counts once. */
const seen = new Set<string>()
let posts = 0

function answer(req: IncomingMessage, res: ServerResponse): void {
  if (req.method === 'GET') {
    const body = JSON.stringify({ webhooks: seen.size, posts })
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body)
    return
  }
  req.resume()
  req.once('end', () => {
    posts += 1
    seen.add(String(req.headers['webhook-id']))
    res.writeHead(200, { 'Content-Length': 0 }).end()
  })
}

const servers = Array.from({ length: Number(process.argv[2] ?? 1) }, () =>
  createServer({ noDelay: true }, answer).listen(0, '127.0.0.1', 4096),
)
await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
const ports = servers.map((server) => {
  const address = server.address()
  return address === null || typeof address === 'string' ? [] : address.port
})
console.log(`listening ${ports.flat().join(' ')}`)
