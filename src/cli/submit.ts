// `foreman submit`: submits a job, and prints its answer or, with --detach, its id.

import { type Command, Option } from 'commander'
import { ApiError, type ForemanClient, type JobBody, type JobHandle, type JobState } from '../client/index.ts'
import { duration, list, MAX_DURATION_MS, oneOf } from '../daemon/text/grammar.ts'
import { nearest } from '../daemon/text/nearest.ts'
import { argument, type ConnectionFlags, connect, withChoices, withWaiting } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { follow } from './follow.ts'
import { composeBody, noteOnBody, PROMPT_ENDPOINTS, readOption, readSchema } from './job-body.ts'
import { STATES } from './job-words.ts'
import { ProgressLine } from './progress.ts'
import { readNamed, readPrompt, readStdin } from './prompt.ts'
import { jsonText, printable } from './terminal.ts'

const THINK = ['true', 'false', 'low', 'medium', 'high'] as const

interface SubmitFlags extends ConnectionFlags {
  readonly detach?: true
  readonly file: readonly string[]
  readonly system?: string
  readonly format?: string
  readonly option: readonly (readonly [string, unknown])[]
  readonly think?: (typeof THINK)[number]
  readonly body?: string
  readonly endpoint?: string
  readonly label?: string
  readonly webhook?: string
  readonly webhookEvents?: readonly JobState[]
  readonly startBefore?: number
  readonly finishBefore?: number
  readonly idempotencyKey?: string
}

/** Enough for a large body on a slow connection, and for retries after a 503. */
const SUBMIT_TIMEOUT_MS = 60_000

const HELP = `Submits a job and prints its answer as it is written. The job is on disk before anything is printed, and continues
without this command.

Examples:
  foreman submit qwen3:14b "why is the sky blue?"
  git diff | foreman submit qwen3:14b "review this"         # prompt, blank line, stdin
  foreman submit llava "what is this?" --file cat.png
  foreman submit qwen3:14b - --format json --option temperature=0 <prompt.txt | jq
  id=$(foreman submit qwen3:14b "a long story" --detach) && foreman jobs watch "$id"
`

const NOTES = `
The prompt is PROMPT, each --file and piped input, in this order, with blank lines between them. \`-\` reads stdin at a
terminal too. In a loop over a file add </dev/null, or the first command reads the whole file.
Ctrl-C asks whether to cancel the job or leave it running. Without a terminal it cancels; SIGTERM leaves the job running.
If the job is sent again after part of its answer was printed, a line on stderr says so and the answer starts again on a new line.`

export function addSubmit(program: Command): void {
  const command = program.command('submit').argument('[model]').argument('[prompt]')
  const span = argument(duration({ min: 1000, max: MAX_DURATION_MS }))
  withWaiting(command, 'print the finished job as one JSON document')
    .summary('run a prompt and print the answer')
    .addHelpText('before', HELP)
    .usage('MODEL [PROMPT|-] [flags]\n       foreman submit --body FILE|- [flags]')
    .option('--detach', 'print the job id and exit')
    .addOption(
      new Option('--file <file>', 'text for the prompt, or a picture; repeatable')
        .argParser((file: string, files: readonly string[]) => [...files, file])
        .default([], 'none'),
    )
    .option('--system <text>', 'the system prompt')
    .option('--format <format>', '`json`, a JSON schema, or a file that holds one')
    .addOption(
      new Option('--option <name=value>', "one of Ollama's options; repeatable")
        .argParser((text: string, options: SubmitFlags['option']) => [...options, readOption(text)])
        .default([], 'none'),
    )
    .addOption(new Option('--think <level>', 'whether and how much the model thinks').choices(THINK))
    .option('--body <file>', 'the whole request as JSON, instead of MODEL and PROMPT; `-` is stdin')
    .addOption(
      withChoices(
        new Option('--endpoint <path>', 'Ollama endpoint, /api/chat by default; with --body others as well'),
        PROMPT_ENDPOINTS,
      ),
    )
    .option('--label <text>', 'a name of your own, to find the job')
    .option('--webhook <url>', 'URL that receives each state change')
    .addOption(
      withChoices(
        new Option('--webhook-events <states>', 'states to send, comma-separated; all by default').argParser(
          argument(list(oneOf(...STATES))),
        ),
        STATES,
      ),
    )
    .addOption(
      new Option('--start-before <duration>', 'cancel the job if it has not started within this').argParser(span),
    )
    .addOption(
      new Option('--finish-before <duration>', 'cancel the job if it has not finished within this').argParser(span),
    )
    .option('--idempotency-key <key>', 'the same key and request returns the same job')
    .addHelpText('after', NOTES)
    .action(async (model: string | undefined, prompt: string | undefined, flags: SubmitFlags) => {
      await submit(command, model, prompt, flags)
    })
}

async function submit(command: Command, model: string | undefined, prompt: string | undefined, flags: SubmitFlags) {
  const client = connect({ ...flags, timeout: undefined })
  const body = await bodyOf(command, model, prompt, flags)
  // `client.submit` retries for a while, which helps during a restart. Fail at once if no daemon answers at all.
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
    // The webhook receiver still needs the job.
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
    if (clash !== undefined) command.error(`error: --body has the whole request; leave out ${clash}`)
    const bytes = await (body === '-' ? readStdin() : readNamed('--body', body))
    const note = noteOnBody(bytes, flags.endpoint)
    if (note !== null) process.stderr.write(`foreman: ${note}\n`)
    return bytes
  }
  if (model === undefined) return command.error('error: MODEL is missing')
  if (model.trim() === '') return command.error('error: MODEL is empty: name a model, such as qwen3:14b')
  const prompt = await readPrompt(words, file)
  if (prompt === null) return command.error('error: PROMPT is missing; `-` reads it from stdin')
  return composeBody({
    model,
    endpoint,
    system,
    prompt: prompt.text,
    images: prompt.images,
    options: Object.fromEntries(option),
    format: format === undefined ? undefined : await formatOf(format),
    think: think === 'true' ? true : think === 'false' ? false : think,
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
      endpoint,
      label,
      webhookUrl: webhook,
      webhookEvents,
      startBefore,
      finishBefore,
      idempotencyKey,
    })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const meant = error.status === 404 ? await meantModel(client, body) : null
    const message = error.status === 400 ? inFlags(error.message, flags) : error.message
    if (meant === null && message === error.message) throw error
    const hint = meant === null ? '' : `\nDid you mean ${printable(meant)}?`
    throw new CommandError(EXIT.error, `foreman: ${printable(message)}${hint}`)
  }
}

/** The daemon's message about its own keys, with the flags that set them: `state_webhook_url is …` is `--webhook is …`. */
function inFlags(message: string, { webhook, webhookEvents, label, endpoint }: SubmitFlags): string {
  const flags: Readonly<Record<string, string | undefined>> = {
    state_webhook_url: webhook && `--webhook "${webhook}"`,
    webhook_events: webhookEvents && '--webhook-events',
    label: label && '--label',
    endpoint: endpoint && '--endpoint',
  }
  const [key = ''] = /^\w+/.exec(message) ?? []
  const flag = flags[key]
  return flag === undefined ? message : flag + message.slice(key.length).replace('state_webhook_url', '--webhook')
}

/** Returns the installed model with the most similar name. */
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
