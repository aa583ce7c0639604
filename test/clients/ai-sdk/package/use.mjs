// A small program of a user of foreman-ai-sdk: run with the address of a foreman, it prints what it has seen as JSON.

import { APICallError, embed, generateText, streamText } from 'ai'
import { createForeman } from 'foreman-ai-sdk'

const seen = []
const foreman = createForeman({ url: process.argv[2], onState: ({ state }) => seen.push(state) })
const { text, providerMetadata } = await generateText({ model: foreman('tiny-a'), prompt: 'hi' })
let streamed = ''
for await (const word of streamText({ model: foreman('tiny-a'), prompt: 'hi' }).textStream) streamed += word
const { embedding } = await embed({ model: foreman.embeddingModel('tiny-embed'), value: 'hi' })
const error = await generateText({ model: foreman('nope'), prompt: 'hi' }).catch((reason) => reason)

const open = () => process.getActiveResourcesInfo().filter((kind) => /^(TCP|Timeout)/.test(kind))
// The last socket has been told to close; what was not told stays for seconds.
for (let turn = 0; turn < 200 && open().length > 0; turn++) await new Promise((next) => setImmediate(next))

process.stdout.write(
  JSON.stringify({
    text,
    streamed,
    state: providerMetadata?.foreman?.state,
    seen: [...new Set(seen)],
    numbers: embedding.length,
    refused: APICallError.isInstance(error) && error.data,
    open: open(),
  }),
)
