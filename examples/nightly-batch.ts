// Batch of prompts that can be killed at any moment and started again, by hand or by cron, without doing anything twice. It
// reads a file of prompts, one per line, sends them to the given models in turn, and writes one line of JSON for each answer.
//
//   node nightly-batch.ts nightly-batch.prompts.txt results-2026-01-06.ndjson llama3.2 qwen3:14b
//
// All prompts are submitted at once, so that foreman can group them by model: two loads instead of a hundred.
// The same command again continues where it stopped:
//
// - Each prompt has its own Idempotency-Key, made from the name of the results file, the line number and the text. A prompt
//   that was submitted before returns the same job, and its answer is read, not generated again. With another results file,
//   everything runs again.
// - Results are only appended, and say to which prompt they belong. An incomplete line, left by a kill, is removed.
//
// Start it again within a day (FOREMAN_JOB_TTL): after that, foreman deletes jobs, also those missing in the results. Let cron
// start it with `flock -n nightly.lock node nightly-batch.ts …`, so that only one runs. Exits with 0 if all prompts have an
// answer, 1 if some failed or it could not continue, 2 for wrong arguments.

import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import { basename } from 'node:path'
import { ForemanClient, ForemanError, type JobDocument, JobEndedError, type JobHandle } from 'foreman-client'

interface Task {
  readonly line: number
  readonly model: string
  readonly prompt: string
  readonly key: string
}

/** One line of the results file. */
interface Result extends Task {
  readonly job_id: string
  readonly answer: string | null
  readonly error: { readonly code: string; readonly message: string } | null
}

const { FOREMAN_URL: url, FOREMAN_TOKEN: token } = process.env
const [promptsFile = '', resultsFile = '', ...models] = process.argv.slice(2)
if (models.length === 0) {
  console.error('usage: node nightly-batch.ts PROMPTS RESULTS MODEL [MODEL …]')
  process.exit(2)
}

/** Long enough for a restart of foreman, or for a queue that is full for a while. */
const MAX_OUTAGE_MS = 600_000
const client = new ForemanClient({ url, token, unreachableMs: MAX_OUTAGE_MS })

function tasksOf(text: string): Task[] {
  return text.split('\n').flatMap((prompt, index) => {
    if (prompt.trim() === '') return []
    const model = models[index % models.length] ?? ''
    const identity = JSON.stringify([basename(resultsFile), index, model, prompt])
    return [{ line: index + 1, model, prompt, key: createHash('sha256').update(identity).digest('hex') }]
  })
}

/** Reads the results. Removes an incomplete last line, left by a kill, from the file. */
function resultsSoFar(): Result[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(resultsFile)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  const end = bytes.lastIndexOf('\n') + 1
  if (end < bytes.length) truncateSync(resultsFile, end)
  const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Result)
}

const submit = ({ model, prompt, key }: Task): Promise<JobHandle> =>
  client.submit(
    { model, messages: [{ role: 'user', content: prompt }] },
    // A label may have 200 characters.
    { idempotencyKey: key, label: basename(resultsFile).slice(0, 200), timeoutMs: MAX_OUTAGE_MS },
  )

/** Waits for the job without a time limit and writes its line. A failed job is also a result. */
async function settle(task: Task, job: JobHandle): Promise<boolean> {
  let outcome: Pick<Result, 'answer' | 'error'>
  try {
    outcome = { answer: await answerOf(await job.result()), error: null }
  } catch (error) {
    if (!(error instanceof JobEndedError)) throw error
    outcome = { answer: null, error: { code: error.code, message: error.message } }
  }
  const result: Result = { ...task, job_id: job.id, ...outcome }
  appendFileSync(resultsFile, `${JSON.stringify(result)}\n`)
  return outcome.error === null
}

async function answerOf({ job_id, artifacts }: JobDocument): Promise<string> {
  const inline = artifacts.find(({ name }) => name === 'completion')?.data
  return inline ?? (await client.artifact(job_id, 'completion')).text()
}

try {
  const before = resultsSoFar()
  const there = new Set(before.map(({ key }) => key))
  const tasks = tasksOf(readFileSync(promptsFile, 'utf8'))
  const open = tasks.filter(({ key }) => !there.has(key))
  const settling: Promise<boolean>[] = []
  let known = 0
  for (const task of open) {
    const job = await submit(task)
    if (job.isReplayed) known++
    const settled = settle(task, job)
    // Awaited below. Without this, a failure before that would be an unhandled rejection.
    settled.catch(() => undefined)
    settling.push(settled)
  }
  console.error(`${tasks.length} prompts: ${tasks.length - open.length} had a result, ${known} were submitted before`)
  const answered = (await Promise.all(settling)).filter(Boolean).length
  const failed = open.length - answered + before.filter(({ error }) => error !== null).length
  console.error(`${tasks.length} results in ${resultsFile}, ${failed} of them failures`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  console.error(error instanceof ForemanError ? error.message : error)
  console.error('stopped; start it again to continue where it stopped')
  process.exit(1)
}
