// Owns `foreman submit`: from arguments to a job, and then either its id or its answer.

import { type Command, Option } from 'commander'
import { ApiError, type ForemanClient, type JobBody, type JobHandle, type JobState } from '../client/index.ts'
import { duration, list, MAX_DURATION_MS, oneOf } from '../daemon/text/grammar.ts'
import { nearest } from '../daemon/text/nearest.ts'
import { argument, type ConnectionFlags, connect, withWaiting } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { follow } from './follow.ts'
import { composeBody, noteOnBody, PROMPT_ENDPOINTS, readOption, readSchema } from './job-body.ts'
import { STATES } from './job-words.ts'
import { ProgressLine } from './progress.ts'
import { readNamed, readPrompt, readStdin } from './prompt.ts'
import { jsonText, printable } from './terminal.ts'

interface SubmitFlags extends ConnectionFlags {
  readonly detach?: true
  readonly file: readonly string[]
  readonly system?: string
  readonly format?: string
  readonly option: readonly (readonly [string, unknown])[]
  readonly think?: 'true' | 'false' | 'low' | 'medium' | 'high'
  readonly body?: string
  readonly endpoint?: string
  readonly label?: string
  readonly webhook?: string
  readonly webhookEvents?: readonly JobState[]
  readonly startBefore?: string
  readonly finishBefore?: string
  readonly idempotencyKey?: string
}

/** For a large body on a slow line, and a daemon that says when to come back. */
const SUBMIT_TIMEOUT_MS = 60_000

const HELP = `Submits a job and prints its answer as it comes. The job is on disk before anything is printed, and goes on
without this command.

Examples:
  foreman submit qwen3:14b "why is the sky blue?"
  git diff | foreman submit qwen3:14b "review this"         # prompt, blank line, stdin
  foreman submit llava "what is this?" --file cat.png
  foreman submit qwen3:14b - --format json --option temperature=0 <prompt.txt | jq
  id=$(foreman submit qwen3:14b "a long story" --detach) && foreman jobs watch "$id"
`

const NOTES = `
The prompt is PROMPT, each --file and what is piped in, in this order, with blank lines between them. \`-\` reads stdin at a
terminal too. In a loop over a file add </dev/null, or the first command takes the whole file.
Ctrl-C asks: cancel the job, or leave it running. Without a terminal it cancels; SIGTERM leaves it running.
If the job is sent anew after part of its answer was printed, that is said on stderr and the answer begins again on a new line.`

export function addSubmit(program: Command): void {
  const command = program.command('submit').argument('[model]').argument('[prompt]')
  const span = duration({ min: 1000, max: MAX_DURATION_MS })
  const checked = (text: string): string => {
    argument(span)(text)
    return text
  }
  withWaiting(command, 'print the finished job as one JSON document')
    .summary('run a prompt, and print the answer')
    .addHelpText('before', HELP)
    .usage('MODEL [PROMPT|-] [flags]\n       foreman submit --body FILE|- [flags]')
    .option('--detach', 'print the id of the job, and do not wait')
    .addOption(
      new Option('--file <file>', 'text for the prompt, or a picture; several')
        .argParser((file: string, files: readonly string[]) => [...files, file])
        .default([], 'none'),
    )
    .option('--system <text>', 'the system prompt')
    .option('--format <format>', '`json`, a JSON schema, or a file that holds one')
    .addOption(
      new Option('--option <name=value>', "one of Ollama's options; several")
        .argParser((text: string, options: SubmitFlags['option']) => [...options, readOption(text)])
        .default([], 'none'),
    )
    .addOption(
      new Option('--think <level>', 'true, false, low, medium or high').argParser(
        argument(oneOf('true', 'false', 'low', 'medium', 'high')),
      ),
    )
    .option('--body <file>', 'the whole request as JSON, instead of MODEL and PROMPT; `-` is stdin')
    .option(
      '--endpoint <path>',
      `what to call at the target (default /api/chat; a prompt fits ${PROMPT_ENDPOINTS.join(', ')})`,
    )
    .option('--label <text>', 'a word of your own, to find the job by')
    .option('--webhook <url>', 'where each change of its state is sent')
    .addOption(
      new Option('--webhook-events <states>', 'only these, comma-separated').argParser(
        argument(list(oneOf(...STATES))),
      ),
    )
    .addOption(new Option('--start-before <duration>', 'cancel it unless it was sent by then').argParser(checked))
    .addOption(new Option('--finish-before <duration>', 'cancel it unless it was over by then').argParser(checked))
    .option('--idempotency-key <key>', 'the same key and request again: the same job, not another one')
    .addHelpText('after', NOTES)
    .action(async (model: string | undefined, prompt: string | undefined, flags: SubmitFlags) => {
      await submit(command, model, prompt, flags)
    })
}

async function submit(command: Command, model: string | undefined, prompt: string | undefined, flags: SubmitFlags) {
  const client = connect({ ...flags, timeout: undefined })
  const body = await bodyOf(command, model, prompt, flags)
  // The client tries again for a while, which helps a daemon that is restarting; one that is not there is told at once.
  await client.health()
  const progress = new ProgressLine(model ?? '')
  progress.show()
  const job = await sent(client, body, flags).finally(() => progress.hide())
  if (flags.detach === true) {
    process.stdout.write(`${flags.json === true ? jsonText(job.receipt) : job.id}\n`)
    return
  }
  progress.change({ state: job.receipt?.state ?? 'queued', position: job.receipt?.position ?? null })
  await follow(job, {
    prints: flags.json === true ? 'document' : 'text',
    progress,
    timeoutMs: flags.timeout,
    mayCancel: true,
    // A receiver of webhooks still wants its end.
    endsWithReader: flags.webhook === undefined,
  })
}

async function bodyOf(
  command: Command,
  model: string | undefined,
  words: string | undefined,
  flags: SubmitFlags,
): Promise<JobBody | Uint8Array> {
  const { body, file, system, format, option, think, endpoint = '/api/chat' } = flags
  if (body !== undefined) {
    const given = {
      MODEL: model,
      '--system': system,
      '--format': format,
      '--think': think,
      '--file': file[0],
      '--option': option[0],
    }
    const [clash] = Object.entries(given).find(([, value]) => value !== undefined) ?? []
    if (clash !== undefined) command.error(`error: --body holds the whole request: leave out ${clash}`)
    const bytes = await (body === '-' ? readStdin() : readNamed('--body', body))
    const note = noteOnBody(bytes, flags.endpoint)
    if (note !== null) process.stderr.write(`foreman: ${note}\n`)
    return bytes
  }
  if (model === undefined) return command.error('error: MODEL is missing')
  if (model.trim() === '') return command.error('error: MODEL is empty: name a model, such as qwen3:14b')
  const prompt = await readPrompt(words, file)
  if (prompt === null) return command.error('error: there is no prompt: give PROMPT, or `-` to read it from stdin')
  return composeBody({
    model,
    endpoint,
    prompt: prompt.text,
    images: prompt.images,
    options: Object.fromEntries(option),
    ...(system === undefined ? {} : { system }),
    ...(format === undefined ? {} : { format: await formatOf(format) }),
    ...(think === undefined ? {} : { think: think === 'true' ? true : think === 'false' ? false : think }),
  })
}

async function formatOf(format: string): Promise<unknown> {
  if (format === 'json') return 'json'
  if (format.trimStart().startsWith('{')) return readSchema(format, 'on the command line')
  return readSchema((await readNamed('--format', format)).toString('utf8'), printable(format))
}

async function sent(client: ForemanClient, body: JobBody | Uint8Array, flags: SubmitFlags): Promise<JobHandle> {
  const { endpoint, label, webhook, webhookEvents, startBefore, finishBefore, idempotencyKey } = flags
  try {
    return await client.submit(body, {
      timeoutMs: SUBMIT_TIMEOUT_MS,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(label === undefined ? {} : { label }),
      ...(webhook === undefined ? {} : { webhookUrl: webhook }),
      ...(webhookEvents === undefined ? {} : { webhookEvents }),
      ...(startBefore === undefined ? {} : { startBefore }),
      ...(finishBefore === undefined ? {} : { finishBefore }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    })
  } catch (error) {
    const meant = error instanceof ApiError && error.status === 404 ? await meantModel(client, body) : null
    if (meant === null) throw error
    throw new CommandError(
      EXIT.error,
      `foreman: ${printable((error as Error).message)}\nDid you mean ${printable(meant)}?`,
    )
  }
}

/** The installed model that is spelled most like the one asked for. */
async function meantModel(client: ForemanClient, body: JobBody | Uint8Array): Promise<string | null> {
  if (body instanceof Uint8Array) return null
  try {
    const { models } = await client.tags()
    return nearest(
      body.model,
      models.map(({ name }) => name.replace(/:latest$/, '')),
    )
  } catch {
    return null
  }
}
