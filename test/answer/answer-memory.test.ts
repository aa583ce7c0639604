// A kept answer takes about as much memory as its bytes, even if it came in tiny chunks: 4 MiB in a heap of 40 MiB.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const CHILD = join(import.meta.dirname, 'answer-memory-child.ts')

describe('an answer of millions of small parts', () => {
  it.each([
    ['native logprobs', ['response', 'completion']],
    ['native tool calls', ['response', 'completion']],
    ['openai logprobs', ['response', 'completion']],
    ['openai tool calls', ['response']],
    ['openai choices', ['response']],
    ['anthropic blocks', ['response']],
  ])('(%s) fits in a small heap', async (name, artifacts) => {
    const { stdout } = await run(process.execPath, ['--max-old-space-size=40', CHILD, name])
    expect(JSON.parse(stdout)).toMatchObject({ artifacts })
  })

  it('(one document of 12 MiB) is classified and kept in a small heap', async () => {
    const { stdout } = await run(process.execPath, ['--max-old-space-size=96', CHILD, 'document'])
    expect(JSON.parse(stdout)).toMatchObject({
      artifacts: ['response', 'completion'],
      verdict: { kind: 'complete' },
      measured: { doneReason: 'stop', completionTokens: 7 },
    })
  })
})
