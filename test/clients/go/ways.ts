// The Go client's rows of the client matrix. question.go says how each one is asked.

import { afterAll, beforeAll } from 'vitest'
import type { CancellableCall, ClientProcess } from '../conformance/client-process.ts'
import type { Asked, Way } from '../conformance/way.ts'
import { FIRST_BUILD_MS, startGoClient } from './environment.ts'

export interface GoWay extends Way {
  /** Its name in the program's table `ways`. */
  readonly name: string
  /** A call whose context can be cancelled. */
  readonly begin: (question: Asked & { readonly prompt: string }) => CancellableCall
}

let client: ClientProcess | undefined

/** Starts the program for the tests of this suite. */
export function useGoClient(): void {
  beforeAll(async () => {
    client = await startGoClient()
  }, FIRST_BUILD_MS)
  afterAll(() => client?.stop())
}

export function goClient(): ClientProcess {
  if (client === undefined) throw new Error('the Go client was not started')
  return client
}

const way = (name: string, endpoint: Way['endpoint'], mode: Way['mode'], act: string): GoWay => ({
  ...{ client: name, mode, endpoint, name: act, streams: mode === 'streamed' },
  tell: (asked) => goClient().tell({ ...asked, way: act }),
  begin: (question) => goClient().begin({ ...question, way: act }),
})

export const WAYS: readonly GoWay[] = [
  way('ollama-go', '/api/chat', 'streamed', 'chat streamed'),
  way('ollama-go', '/api/chat', 'whole', 'chat whole'),
  way('ollama-go generate', '/api/generate', 'streamed', 'generate streamed'),
  way('ollama-go generate', '/api/generate', 'whole', 'generate whole'),
]
