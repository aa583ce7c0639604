// Recorder of a real Ollama's answers to requests that it refuses. `node test/request/record.ts URL` sends each request of
// questions.ts and writes the answers into the file of that version. Run it by hand with a fresh Ollama; no test runs it.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { NEWER_QUESTIONS, QUESTIONS, QUIET, STRANGERS } from './questions.ts'

export interface Recorded {
  readonly status: number
  readonly contentType: string | null
  readonly body: string
}

const [target = 'http://127.0.0.1:11434'] = process.argv.slice(2)

/** Raw HTTP: fetch would add a Content-Type to requests without one. */
function ask(path: string, body: Buffer, headers: Record<string, string>): Promise<Recorded> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, target), {
      method: 'POST',
      headers: { 'content-length': body.length, ...headers },
    })
    sent.on('error', reject)
    sent.on('response', async (answer) => {
      const chunks = await answer.toArray()
      const contentType = answer.headers['content-type'] ?? null
      resolve({ status: answer.statusCode ?? 0, contentType, body: Buffer.concat(chunks).toString('utf8') })
    })
    sent.end(body)
  })
}

const version: { readonly version: string } = JSON.parse(
  await new Promise<string>((resolve, reject) => {
    request(new URL('/api/version', target), async (answer) =>
      resolve(Buffer.concat(await answer.toArray()).toString()),
    )
      .on('error', reject)
      .end()
  }),
)
const lines = [JSON.stringify(version)]
for (const { endpoint, body, headers } of [...QUESTIONS, ...STRANGERS, ...QUIET, ...NEWER_QUESTIONS]) {
  lines.push(JSON.stringify(await ask(endpoint, body, headers)))
}
writeFileSync(new URL(`./recorded-${version.version}.ndjson`, import.meta.url), `${lines.join('\n')}\n`)
