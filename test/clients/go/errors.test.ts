// The errors that end a call before its answer has begun, as the Go client returns them.

import type { ErrorClient } from '../conformance/error-table.ts'
import { testErrors } from '../conformance/error-table.ts'
import { CLIENT_MODES, goClient, useGoClient } from './client-modes.ts'
import { describeWithGo } from './environment.ts'

const EMBEDDER = 'tiny-embed'

const CHATS: readonly ErrorClient[] = CLIENT_MODES.map((way) => ({
  ...way,
  call: (question) => goClient().tell({ ...question, way: way.name }),
  // api.AuthorizationError has no field for the sentence.
  shows: ({ status, reason, sentence }) => (status === 401 ? `${status} ${reason}` : sentence),
}))

const act = (mode: string, model?: string): ErrorClient => ({
  ...{ client: 'ollama-go', mode },
  call: (asked) => goClient().tell({ ...asked, model: model ?? asked.model, way: mode }),
})

describeWithGo('the Go client', () => {
  useGoClient()

  testErrors('go', {
    chat: CHATS,
    embedding: [act('embed', EMBEDDER), act('embeddings', EMBEDDER)],
    management: ['pull', 'push', 'create', 'copy', 'delete'].map((mode) => act(mode)),
  })
})
