// Owns the waiting for one job: its answer to stdout, what it waits for to stderr, and its end, a timeout or a
// Ctrl-C to an exit code. The job itself goes on whatever happens here, unless somebody asked to cancel it.

import { isFinal, type JobEvent, type JobHandle, type StateEvent, textOf } from '../client/index.ts'
import { ERRORS } from '../protocol/error.ts'
import { AnswerOutput, ReaderGone } from './answer-output.ts'
import { CommandError, EXIT } from './exit.ts'
import { Interrupt, type InterruptChoice } from './interrupt.ts'
import type { ProgressLine } from './progress.ts'
import { age, jsonText, printable } from './terminal.ts'

export interface FollowOptions {
  /** The assistant's text as it comes, each event on a line as JSON, or the job as one document at its end. */
  readonly prints: 'text' | 'events' | 'document'
  readonly progress: ProgressLine
  readonly timeoutMs?: number | undefined
  /** Ctrl-C offers to cancel; else it only ends the watching. */
  readonly mayCancel: boolean
  /** Cancels the job when its reader leaves (`| head`): nobody else wants the answer. */
  readonly endsWithReader: boolean
}

/** How often a waiting job is asked for. Only a terminal is also served at once. */
const LOOK_MS = 2_000

/** Ends the waiting, not the job. */
class WaitedEnough extends Error {
  readonly choice: InterruptChoice | 'timeout'
  constructor(choice: InterruptChoice | 'timeout') {
    super(choice)
    this.choice = choice
  }
}

/** Resolves when the job is done, or when nobody reads stdout any more; else throws a CommandError. */
export async function follow(job: JobHandle, options: FollowOptions): Promise<void> {
  const { progress, prints, timeoutMs, mayCancel } = options
  const output = new AnswerOutput()
  const waiting = new AbortController()
  const giveUp = (why: InterruptChoice | 'timeout'): void => waiting.abort(new WaitedEnough(why))
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
    const end = await read(job, { output, progress, prints, interrupt, signal: waiting.signal })
    progress.hide()
    if (prints === 'document') await output.line(jsonText(await job.get()))
    if (end.state !== 'done') throw failure(job.id, end)
  } catch (error) {
    progress.hide()
    if (error instanceof ReaderGone) return await readerLeft(job, options)
    if (!(error instanceof WaitedEnough)) throw error
    if (error.choice === 'timeout' && prints === 'document') await output.line(jsonText(await job.get()))
    throw await leave(job, error.choice, options)
  } finally {
    clearTimeout(timer)
    clearInterval(looking)
    interrupt.close()
    waiting.abort()
  }
}

interface FollowedStream {
  readonly output: AnswerOutput
  readonly progress: ProgressLine
  readonly prints: FollowOptions['prints']
  readonly interrupt: Interrupt
  readonly signal: AbortSignal
}

/** The event that ended the job. */
async function read(
  job: JobHandle,
  { output, progress, prints, interrupt, signal }: FollowedStream,
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
    // While the answer goes to a file, the terminal may still be told that it comes. Not so in a pipe: what `tee` had put
    // on the terminal was overwritten each second.
    if (output.mayBeSeen) progress.hide()
    await output.text(text)
  } else if (event.state === 'queued' && output.hasText) {
    progress.hide()
    await output.restart()
    process.stderr.write(
      `foreman: job ${job.id} goes back to the queue: what was printed is void, its answer begins anew\n`,
    )
    progress.show()
  }
}

/** Asks what the job waits for. A request that fails is ignored, because another one follows. */
async function look(job: JobHandle, progress: ProgressLine, signal: AbortSignal): Promise<void> {
  if (progress.state !== 'queued') return
  try {
    progress.learn(await job.get({ signal }))
  } catch {}
}

function failure(id: string, { state, error }: StateEvent): CommandError {
  const why = error === undefined ? '' : `: ${printable(error.message)}`
  const hint =
    error !== undefined && Object.hasOwn(ERRORS, error.code) ? ERRORS[error.code as keyof typeof ERRORS].hint : null
  const verb = state === 'cancelled' ? 'was cancelled' : 'failed'
  return new CommandError(EXIT.jobFailed, `foreman: job ${id} ${verb}${why}${hint === null ? '' : `\n${hint}`}`)
}

async function readerLeft(job: JobHandle, { endsWithReader }: FollowOptions): Promise<void> {
  if (!endsWithReader) return
  const { state } = await job.cancel()
  // Its end may have come first.
  if (state === 'done' || state === 'failed') return
  process.stderr.write(`foreman: nobody reads the answer any more: job ${job.id} is cancelled\n`)
}

async function leave(
  job: JobHandle,
  choice: InterruptChoice | 'timeout',
  { timeoutMs = 0, mayCancel }: FollowOptions,
): Promise<CommandError> {
  const goesOn = `job ${job.id} goes on: foreman jobs watch ${job.id}`
  if (choice === 'timeout') {
    return new CommandError(EXIT.waitTimedOut, `foreman: not over after ${age(timeoutMs)}; ${goesOn}`)
  }
  if (choice === 'leave' || !mayCancel) return new CommandError(EXIT.interrupted, `foreman: ${goesOn}`)
  await job.cancel()
  return new CommandError(EXIT.interrupted, `foreman: job ${job.id} is cancelled`)
}
