// Program that submits a job and waits for it. It shows the position in the queue, the answer as it is written, usage and
// timings, and handles every way in which a job can end.
//
//   FOREMAN_URL=http://127.0.0.1:8080 node submit-and-wait.ts llama3.2 'Why is the sky blue?'
//
// The answer goes to standard output, everything else to standard error. Ctrl-C stops waiting, and the job continues.

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
  // From here on the job is on foreman's disk: it finishes even if this program ends.
  console.error(`job ${job.id}, jobs ahead: ${job.receipt?.position ?? 0}`)
  try {
    const text = job.text({
      signal: leaving.signal,
      // The connection to the model server was lost during the answer. The job starts again with a new answer.
      onVoid: () => console.error('\n-- connection lost: the text so far is void, and a new answer follows --'),
    })
    for await (const words of text) process.stdout.write(words)
    process.stdout.write('\n')
    const { usage, timings } = await job.result({ signal: leaving.signal })
    console.error(`${usage?.completion_tokens} tokens; waited ${timings.queue_ms} ms, ran ${timings.run_ms} ms`)
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    console.error(`\nstopped waiting; ${job.id} continues. To cancel it: await client.cancel('${job.id}')`)
    process.exitCode = 130
  }
} catch (error) {
  if (error instanceof JobEndedError) console.error(`${error.job.state} (${error.code}): ${error.message}`)
  else if (error instanceof ApiError) console.error(`not accepted (${error.status} ${error.code}): ${error.message}`)
  else if (error instanceof ForemanError) console.error(error.message)
  else throw error
  process.exitCode = 1
}
