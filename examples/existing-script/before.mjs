// Existing script that uses the official client (`npm install ollama`): it lists the models, makes embeddings and asks a model
// a question. before.mjs calls Ollama itself, after.mjs calls foreman in front of it. They differ in one line.
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
