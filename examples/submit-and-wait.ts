// Shows how a program hands a job in and waits for it: its place in the queue, the answer as it is written, what it took,
// and every way in which it can end.
//
//   FOREMAN_URL=http://127.0.0.1:8080 node submit-and-wait.ts llama3.2 'Why is the sky blue?'
//
// The answer goes to standard output, all else to standard error. Ctrl-C leaves, and the job goes on.

import { ApiError, ForemanClient, ForemanError, JobEndedError } from 'foreman-client'

const { FOREMAN_URL: url, FOREMAN_TOKEN: token } = process.env
const [model, prompt] = process.argv.slice(2)
if (model === undefined || prompt === undefined) {
  console.error('usage: node submit-and-wait.ts MODEL PROMPT')
  process.exit(2)
}

const client = new ForemanClient({ url, token })
const leaving = new AbortController()
process.once('SIGINT', () => leaving.abort())

try {
  const job = await client.submit({ model, messages: [{ role: 'user', content: prompt }] }, { label: 'example' })
  // From here on it is on foreman's disk: it comes to an end, whatever becomes of this program.
  console.error(`job ${job.id}, ${job.receipt?.position ?? 0} before it`)
  try {
    const text = job.text({
      signal: leaving.signal,
      // The connection to the model server was lost after some words. They will not be continued: it begins anew.
      onVoid: () => console.error('\n-- lost; what came until now is void, and it begins anew --'),
    })
    for await (const words of text) process.stdout.write(words)
    process.stdout.write('\n')
    const { usage, timings } = await job.result({ signal: leaving.signal })
    console.error(`${usage?.completion_tokens} tokens; waited ${timings.queue_ms} ms, ran ${timings.run_ms} ms`)
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    console.error(`\nleft; ${job.id} goes on. To end it: await client.cancel('${job.id}')`)
    process.exitCode = 130
  }
} catch (error) {
  if (error instanceof JobEndedError) console.error(`${error.job.state} (${error.code}): ${error.message}`)
  else if (error instanceof ApiError) console.error(`not taken (${error.status} ${error.code}): ${error.message}`)
  else if (error instanceof ForemanError) console.error(error.message)
  else throw error
  process.exitCode = 1
}
