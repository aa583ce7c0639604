// Shows a batch that may be killed at any moment and started again, by hand or by cron, without doing anything twice: a
// file of prompts, one a line, asked of the given models in turn, and one line of JSON for each answer.
//
//   node nightly-batch.ts nightly-batch.prompts.txt results-2026-01-06.ndjson llama3.2 qwen3:14b
//
// All are handed in at once, so that foreman can sort them by model: two loads, and not a hundred.
// The same command again goes on where it was. What makes that so:
//
// - Each prompt has an Idempotency-Key of its own, made from the name of the results, the line and the text. A prompt that
//   was handed in before is the same job again, and its answer is read, not made anew. Another file of results is another
//   night, and everything is asked again.
// - The results are only ever appended to, and say which prompts they belong to. Half a line, left by a kill, is cut off.
//
// Start it again within a day (FOREMAN_JOB_TTL): then foreman forgets what is not in the results. Let cron start it with
// `flock -n nightly.lock node nightly-batch.ts …`, so that there are never two. Ends with 0 when all have an answer, 1 when
// some have failed or it could not go on, 2 when it was called wrongly.

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

/** A line of the results. */
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

/** A night in which foreman is restarted, or the queue is full for a while, is no reason to give up. */
const PATIENCE_MS = 600_000
const client = new ForemanClient({ url, token, unreachableMs: PATIENCE_MS })

function tasksOf(text: string): Task[] {
  return text.split('\n').flatMap((prompt, index) => {
    if (prompt.trim() === '') return []
    const model = models[index % models.length] ?? ''
    const identity = JSON.stringify([basename(resultsFile), index, model, prompt])
    return [{ line: index + 1, model, prompt, key: createHash('sha256').update(identity).digest('hex') }]
  })
}

/** The results there are. What a kill has left behind the last whole line is gone from the file afterwards. */
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

const handIn = ({ model, prompt, key }: Task): Promise<JobHandle> =>
  client.submit(
    { model, messages: [{ role: 'user', content: prompt }] },
    // A label may have 200 characters.
    { idempotencyKey: key, label: basename(resultsFile).slice(0, 200), timeoutMs: PATIENCE_MS },
  )

/** Waits for the job, however long it takes, and writes its line. A job that has failed is a result, too. */
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
    const job = await handIn(task)
    if (job.isReplayed) known++
    const settled = settle(task, job)
    // It is awaited below; until then nobody would see it fail.
    settled.catch(() => undefined)
    settling.push(settled)
  }
  console.error(`${tasks.length} prompts: ${tasks.length - open.length} had a result, ${known} were handed in before`)
  const answered = (await Promise.all(settling)).filter(Boolean).length
  const failed = open.length - answered + before.filter(({ error }) => error !== null).length
  console.error(`${tasks.length} results in ${resultsFile}, ${failed} of them failures`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  console.error(error instanceof ForemanError ? error.message : error)
  console.error('it could not go on; started again it does so where it was')
  process.exit(1)
}
