// Minimal Node proxy between a caller and a target: node:http in front, undici behind, every chunk passed on. It has no
// queue, limits or error handling. In the tables it separates the cost of foreman from the cost of Node.

import { createServer } from 'node:http'
import { Pool } from 'undici'

const target = new Pool(`http://127.0.0.1:${process.argv[2]}`, { bodyTimeout: 0, headersTimeout: 0, connections: 64 })

const server = createServer({ noDelay: true }, (req, res) => {
  const parts: Buffer[] = []
  req.on('data', (part: Buffer) => parts.push(part))
  req.on('end', () => {
    const request = { method: 'POST', path: req.url ?? '/', body: Buffer.concat(parts) } as const
    target.dispatch(
      { ...request, headers: { 'content-type': 'application/json' } },
      {
        onRequestStart: () => {},
        onResponseStart: (_controller, status, headers) => {
          const { 'content-type': type, 'content-length': length } = headers
          res.writeHead(status, { ...(type && { 'Content-Type': type }), ...(length && { 'Content-Length': length }) })
        },
        onResponseData: (_controller, chunk) => void res.write(chunk),
        onResponseEnd: () => void res.end(),
        onResponseError: () => void res.destroy(),
      },
    )
  })
})
server.keepAliveTimeout = 3_600_000
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') console.log(`listening ${address.port}`)
})
