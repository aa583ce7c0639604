// A script that somebody had before there was a foreman, with the official client (`npm install ollama`): it asks which
// models there are, embeds, and lets a model tell something. before.mjs asks Ollama itself, after.mjs asks foreman in front
// of it; they differ in one line.
//
//   node existing-script/after.mjs llama3.2 nomic-embed-text

import { Ollama } from 'ollama'

const ollama = new Ollama({ host: process.env.OLLAMA_URL ?? 'http://127.0.0.1:11434' })
const [model, embedder] = process.argv.slice(2)

const { models } = await ollama.list()
console.log(`models: ${models.length}`)

if (embedder !== undefined) {
  const { embeddings } = await ollama.embed({ model: embedder, input: ['blue', 'sky'] })
  console.log(`embeddings: ${embeddings.length} of ${embeddings[0].length} numbers`)
}

const messages = [{ role: 'user', content: 'Why is the sky blue?' }]
const options = { seed: 7, temperature: 0, num_predict: 40 }
for await (const { message } of await ollama.chat({ model, messages, options, stream: true })) {
  process.stdout.write(message.content)
}
console.log()
