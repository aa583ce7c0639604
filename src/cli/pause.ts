// `foreman pause` and `foreman resume`.

import { type Command, Option } from 'commander'
import type { PauseDocument } from '../client/index.ts'
import { duration, formatDuration, MAX_DURATION_MS } from '../daemon/text/grammar.ts'
import { argument, type ConnectionFlags, connect, withConnection, withDaemon } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { jsonText, printable, until as timeLeft } from './terminal.ts'

interface PauseFlags extends ConnectionFlags {
  readonly unload?: true
  readonly for?: number
}

const HELP = `Sends nothing new to Ollama. The running job finishes, waiting calls keep waiting, and new jobs are accepted.
The pause survives a restart of foreman. Embeddings are still sent.

Examples:
  foreman pause                      # until \`foreman resume\`
  foreman pause --unload --for 2h    # to use the GPU and its memory for something else
  foreman resume
`

export function addPause(program: Command): void {
  withDaemon(program.command('pause'))
    .summary('send nothing new to Ollama; the running job finishes')
    .addHelpText('before', HELP)
    .option('--unload', 'unload every model when the running job has finished, and print their names')
    .addOption(
      new Option('--for <duration>', 'resume after this').argParser(
        argument(duration({ min: 1_000, max: MAX_DURATION_MS })),
      ),
    )
    .addOption(
      new Option(
        '--timeout <duration>',
        'give up after this (default 10s, with --unload none); the pause stays',
      ).argParser(argument(duration({ min: 100, max: MAX_DURATION_MS }))),
    )
    .action(pause)
}

async function pause({ unload, for: span, ...flags }: PauseFlags): Promise<void> {
  const client = connect(flags)
  const running = unload === true ? (await client.status()).running : null
  if (running !== null) {
    process.stderr.write(
      `foreman: waiting for job ${printable(running.job_id)} to finish (Ctrl-C ends the waiting; foreman continues)\n`,
    )
  }
  const document = await client.pause({
    unload,
    for: span === undefined ? undefined : formatDuration(span),
    timeoutMs: flags.timeout,
  })
  print(flags, document)
  if (document.unload === null || document.unload.state === 'done') return
  const left = document.unload.still_loaded.map(printable).join(', ')
  const reason = document.unload.reason === null ? '' : `: ${printable(document.unload.reason)}`
  throw new CommandError(EXIT.error, `foreman: not unloaded${left === '' ? '' : ` ${left}`}${reason}`)
}

export function addResume(program: Command): void {
  withConnection(program.command('resume'))
    .summary('end a pause')
    .addHelpText('before', 'Ends a pause. The queue continues where it stopped.\n\nExamples:\n  foreman resume\n')
    .action(async (flags: ConnectionFlags) => print(flags, await connect(flags).resume()))
}

function print({ json }: ConnectionFlags, document: PauseDocument): void {
  process.stdout.write(`${json === true ? jsonText(document) : pauseText(document, Date.now())}\n`)
}

/** `paused for 2h: nothing new is sent until then, or until …`, and the unloaded models. */
export function pauseText({ paused, until, unload }: PauseDocument, now: number): string {
  if (!paused) return 'running'
  const end = until === null ? '' : ` for ${timeLeft(until, now)}`
  const lines = [`paused${end}: nothing new is sent until ${until === null ? '' : 'then, or until '}\`foreman resume\``]
  if (unload !== null && unload.unloaded.length > 0) lines.push(`unloaded ${unload.unloaded.map(printable).join(', ')}`)
  if (unload?.state === 'done' && unload.unloaded.length === 0) lines.push('no model was in memory')
  return lines.join('\n')
}
