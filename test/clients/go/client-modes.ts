// Client modes of the Go client for the client matrix. question.go sends the requests.

import { afterAll, beforeAll } from 'vitest'
import type { ClientMode, ClientRequest } from '../conformance/client-mode.ts'
import type { CancellableCall, ClientProcess } from '../conformance/client-process.ts'
import { FIRST_BUILD_MS, startGoClient } from './environment.ts'

export interface GoClientMode extends ClientMode {
  /** Its name in the program's table `ways`. */
  readonly name: string
  /** A call whose context can be cancelled. */
  readonly begin: (question: ClientRequest & { readonly prompt: string }) => CancellableCall
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

const way = (name: string, endpoint: ClientMode['endpoint'], mode: ClientMode['mode'], act: string): GoClientMode => ({
  ...{ client: name, mode, endpoint, name: act, streams: mode === 'streamed' },
  call: (asked) => goClient().tell({ ...asked, way: act }),
  begin: (question) => goClient().begin({ ...question, way: act }),
})

export const CLIENT_MODES: readonly GoClientMode[] = [
  way('ollama-go', '/api/chat', 'streamed', 'chat streamed'),
  way('ollama-go', '/api/chat', 'whole', 'chat whole'),
  way('ollama-go generate', '/api/generate', 'streamed', 'generate streamed'),
  way('ollama-go generate', '/api/generate', 'whole', 'generate whole'),
]
