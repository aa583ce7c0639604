// The errors that end a call before its answer has begun, as the Go client returns them.

import type { Asker } from '../conformance/error-table.ts'
import { testErrors } from '../conformance/error-table.ts'
import { describeWithGo } from './environment.ts'
import { goClient, useGoClient, WAYS } from './ways.ts'

const EMBEDDER = 'tiny-embed'

const CHATS: readonly Asker[] = WAYS.map((way) => ({
  ...way,
  show: (question) => goClient().tell({ ...question, way: way.name }),
  // api.AuthorizationError has no field for the sentence.
  shows: ({ status, reason, sentence }) => (status === 401 ? `${status} ${reason}` : sentence),
}))

const act = (mode: string, model?: string): Asker => ({
  ...{ client: 'ollama-go', mode },
  show: (asked) => goClient().tell({ ...asked, model: model ?? asked.model, way: mode }),
})

describeWithGo('the Go client', () => {
  useGoClient()

  testErrors('go', {
    chat: CHATS,
    embedding: [act('embed', EMBEDDER), act('embeddings', EMBEDDER)],
    management: ['pull', 'push', 'create', 'copy', 'delete'].map((mode) => act(mode)),
  })
})
