// Any Ollama client can use foreman unchanged: each request of the tables is sent to the real Ollama and to a foreman in
// front of it. The answers are equal byte for byte, except for the differences that likeness.ts lists.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { isSince } from '../../src/daemon/domain/ollama-version.ts'
import { exchange } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { likeness } from './likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'
import { ACTING_ROWS } from './requests/acting.ts'
import { ANTHROPIC } from './requests/anthropic.ts'
import { BROKEN } from './requests/broken.ts'
import { CHAT } from './requests/chat.ts'
import { EMBEDDINGS } from './requests/embeddings.ts'
import { GENERATE } from './requests/generate.ts'
import { INVENTORY } from './requests/inventory.ts'
import { OPENAI } from './requests/openai.ts'
import { type Row, statusIn } from './requests/row.ts'

describeWithOllama('foreman answers as Ollama does', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    // No heartbeat begins an answer before Ollama's own, even on a busy machine.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  const tables: Readonly<Record<string, readonly Row[]>> = {
    'when asked to chat': CHAT,
    'when asked to generate': GENERATE,
    'when asked to embed': EMBEDDINGS,
    'when asked what there is': INVENTORY,
    "in OpenAI's words": OPENAI,
    "in Anthropic's words": ANTHROPIC,
    'when a model thinks or calls tools': ACTING_ROWS,
    'to what nobody should ask': BROKEN,
  }

  for (const [name, rows] of Object.entries(tables)) {
    test.for(rows.map((row) => [row.name, row] as const))(`${name}: %s`, async ([, row], { skip }) => {
      const { call, eventually, shows, since } = row
      if (since !== undefined && !isSince(ollama.version, since)) skip(`since ${since}`)
      const direct = likeness(await exchange(ollama.url, call))
      const status = statusIn(row.status, ollama.version)
      if (status !== 0) expect({ status: direct.status, body: direct.body }).toMatchObject({ status })
      if (shows !== undefined) expect(direct.body).toMatch(shows)
      const look = async () => likeness(await exchange(foreman.url, call))
      const through =
        eventually === true
          ? await until('foreman has probed', look, (seen) => seen.body === direct.body)
          : await look()
      expect(through).toEqual(direct)
    })
  }
})
