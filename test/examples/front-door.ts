// A door in front of foreman that sees what passes through it: it passes everything on, and can let somebody die
// between foreman's answer and the client. It changes no byte.

import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface FrontDoor {
  readonly url: string
  /** How many found nobody behind it. */
  readonly refused: number
  /** Does `then` when foreman has taken the n-th job, and lets that answer go no further. Resolves when it is done. */
  taken(n: number, then: () => unknown): Promise<void>
}

/** Closed after the test. */
export async function startFrontDoor(foreman: string): Promise<FrontDoor> {
  let jobs = 0
  let fatal = 0
  let refused = 0
  let act: () => unknown = () => undefined
  const done = Promise.withResolvers<void>()
  const server = createServer((req, res) => {
    const { method = 'GET', url = '/', headers } = req
    const onward = request(`${foreman}${url}`, { method, headers }, (answer) => {
      answer.on('error', () => res.destroy())
      if (method === 'POST' && url === '/jobs' && answer.statusCode === 202 && ++jobs === fatal) {
        return void Promise.resolve(act()).then(() => {
          res.destroy()
          done.resolve()
        }, done.reject)
      }
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') refused++
      res.destroy()
    })
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refused() {
      return refused
    },
    taken(n, then) {
      fatal = n
      act = then
      return done.promise
    },
  }
}
