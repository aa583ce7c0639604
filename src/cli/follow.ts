// Waiting for one job: its answer to stdout, its progress to stderr, and its end, a timeout or Ctrl-C to an exit code. The
// job continues whatever happens here, unless the user cancels it.

import { isFinal, type JobEvent, type JobHandle, type StateEvent, textOf } from '../client/index.ts'
import { formatDuration } from '../daemon/text/grammar.ts'
import { AnswerOutput, ReaderGone } from './answer-output.ts'
import { CommandError, EXIT } from './exit.ts'
import { Interrupt, type InterruptChoice } from './interrupt.ts'
import { errorHint, errorText } from './job-words.ts'
import type { ProgressLine } from './progress.ts'
import { jsonText } from './terminal.ts'

export interface FollowOptions {
  /** The assistant's text as it is written, one JSON event a line, or the finished job as one document. */
  readonly prints: 'text' | 'events' | 'document'
  readonly progress: ProgressLine
  readonly timeoutMs?: number | undefined
  /** Whether Ctrl-C offers to cancel the job. If false, it only ends the command. */
  readonly mayCancel: boolean
  /** Whether to cancel the job when the reader of stdout leaves (`| head`). False if a webhook receiver also needs the answer. */
  readonly endsWithReader: boolean
}

/** Interval between two reads of a waiting job. At a terminal the first read is at once. */
const LOOK_MS = 2_000

type WaitEnd = InterruptChoice | 'timeout'

/** The wait was ended, by a timeout or Ctrl-C. The job continues. */
class WaitEnded extends Error {
  readonly choice: WaitEnd
  constructor(choice: WaitEnd) {
    super(choice)
    this.choice = choice
  }
}

/** Resolves when the job is done or the reader of stdout has left. Otherwise throws a CommandError. */
export async function follow(job: JobHandle, options: FollowOptions): Promise<void> {
  const { progress, prints, timeoutMs, mayCancel } = options
  const output = new AnswerOutput()
  const waiting = new AbortController()
  const giveUp = (why: WaitEnd): void => waiting.abort(new WaitEnded(why))
  const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs, 'timeout')
  const interrupt = new Interrupt({
    asked: () => {
      progress.hide()
      if (output.isMidLine) process.stderr.write('\n')
    },
    goOn: () => (output.hasText ? undefined : progress.show()),
    chosen: giveUp,
    mayAsk: mayCancel,
  })
  progress.change({ jobId: job.id })
  progress.show()
  const looking = setInterval(() => void look(job, progress, waiting.signal), LOOK_MS)
  if (progress.isShown) void look(job, progress, waiting.signal)
  try {
    const end = await read(job, options, output, interrupt, waiting.signal)
    progress.hide()
    if (prints === 'document') await output.line(jsonText(await job.get()))
    if (end.state !== 'done') throw failure(job.id, end)
  } catch (error) {
    progress.hide()
    if (error instanceof ReaderGone) return await readerLeft(job, options)
    if (!(error instanceof WaitEnded)) throw error
    if (error.choice === 'timeout' && prints === 'document') await output.line(jsonText(await job.get()))
    throw await leave(job, error.choice, options)
  } finally {
    clearTimeout(timer)
    clearInterval(looking)
    interrupt.close()
    waiting.abort()
  }
}

/** Prints the events of the job. Returns the event of its final state. */
async function read(
  job: JobHandle,
  { progress, prints }: FollowOptions,
  output: AnswerOutput,
  interrupt: Interrupt,
  signal: AbortSignal,
): Promise<StateEvent> {
  for await (const event of job.events({ signal })) {
    await interrupt.settled()
    signal.throwIfAborted()
    if (prints === 'events') {
      progress.hide()
      await output.line(jsonText(event, 'line'))
    } else if (prints === 'text') await print(job, event, output, progress)
    if (event.type !== 'state') continue
    progress.change({ state: event.state, attempt: event.attempt })
    if (!isFinal(event.state)) continue
    progress.hide()
    await output.end()
    return event
  }
  throw new Error(`the events of job ${job.id} ended before the job did`)
}

async function print(job: JobHandle, event: JobEvent, output: AnswerOutput, progress: ProgressLine): Promise<void> {
  if (event.type === 'record') {
    const text = textOf(event.data)
    if (text === '') return
    // If stdout is a file, the status line stays. In a pipe it goes: it overwrote what `tee` had printed, once a second.
    if (output.mayBeSeen) progress.hide()
    await output.text(text)
  } else if (event.state === 'queued' && output.hasText) {
    progress.hide()
    await output.restart()
    process.stderr.write(
      `foreman: job ${job.id} was put back in the queue: ignore the answer so far, it starts again\n`,
    )
    progress.show()
  }
}

/** Reads what the job waits for. A failed request is ignored, because another one follows. */
async function look(job: JobHandle, progress: ProgressLine, signal: AbortSignal): Promise<void> {
  if (progress.state !== 'queued') return
  try {
    progress.learn(await job.get({ signal }))
  } catch {}
}

function failure(id: string, { state, error }: StateEvent): CommandError {
  const why = error === undefined || error.code === 'cancelled' ? '' : `: ${errorText(error)}`
  const hint = error === undefined ? null : errorHint(error)
  const verb = state === 'cancelled' ? 'was cancelled' : 'failed'
  return new CommandError(EXIT.jobFailed, `foreman: job ${id} ${verb}${why}${hint === null ? '' : `\n${hint}`}`)
}

async function readerLeft(job: JobHandle, { endsWithReader }: FollowOptions): Promise<void> {
  if (!endsWithReader) return
  const { state } = await job.cancel()
  // The job may have ended first.
  if (state === 'done' || state === 'failed') return
  process.stderr.write(`foreman: the reader of stdout has left: job ${job.id} is cancelled\n`)
}

async function leave(
  job: JobHandle,
  choice: WaitEnd,
  { timeoutMs = 0, mayCancel }: FollowOptions,
): Promise<CommandError> {
  const goesOn = `job ${job.id} continues: foreman jobs watch ${job.id}`
  if (choice === 'timeout') {
    return new CommandError(EXIT.waitTimedOut, `foreman: not finished after ${formatDuration(timeoutMs)}; ${goesOn}`)
  }
  if (choice === 'leave' || !mayCancel) return new CommandError(EXIT.interrupted, `foreman: ${goesOn}`)
  await job.cancel()
  return new CommandError(EXIT.interrupted, `foreman: job ${job.id} is cancelled`)
}
