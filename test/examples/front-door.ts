// Proxy in front of foreman that records what passes through it. It changes no byte, and can run a kill between
// foreman's answer and the client.

import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface FrontDoor {
  readonly url: string
  /** Number of connections that came while foreman was down. */
  readonly refused: number
  /** Runs `then` when foreman has accepted the n-th job, and holds that answer back. Resolves when `then` has ended. */
  taken(n: number, then: () => unknown): Promise<void>
}

/** Starts the proxy, and closes it after the test. */
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
