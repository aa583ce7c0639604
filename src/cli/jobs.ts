// `foreman jobs` and its reading subcommands: list, get and watch.

import { type Command, Option } from 'commander'
import type { JobState } from '../client/index.ts'
import { integer } from '../daemon/text/grammar.ts'
import { nearest } from '../daemon/text/nearest.ts'
import { argument, type ConnectionFlags, connect, withConnection, withWaiting } from './connection.ts'
import { follow } from './follow.ts'
import { addArtifact } from './job-artifact.ts'
import { addChanges } from './job-changes.ts'
import { jobPage } from './job-page.ts'
import { jobCells, jobTable, LIST } from './job-table.ts'
import { STATES } from './job-words.ts'
import { ProgressLine } from './progress.ts'
import { jsonText, terminalWidth } from './terminal.ts'

const LIST_HELP = `Lists jobs, newest first, waiting calls included.

Examples:
  foreman jobs
  foreman jobs --state failed --label nightly
  foreman jobs --all --json | jq -r 'select(.state == "failed") | .job_id' | xargs -r foreman jobs retry
`

const GET_HELP = `Shows one job: state, place in the queue, times, tokens, artifacts and webhooks. The prompt is never shown.

Examples:
  foreman jobs get 01KDWS9F3K8E6YJ5T9S1R2Q3WX
  foreman jobs get 01KDWS9F3K8E6YJ5T9S1R2Q3WX --json | jq .result
`

const WATCH_HELP = `Waits for a job and prints its answer from the start, as \`foreman submit\` does. Ctrl-C ends the command, not the
job.

Examples:
  foreman jobs watch 01KDWS9F3K8E6YJ5T9S1R2Q3WX
  foreman jobs watch 01KDWS9F3K8E6YJ5T9S1R2Q3WX --json    # one event a line
`

export function addJobs(program: Command): void {
  const jobs = program
    .command('jobs')
    .summary('list jobs; get, watch, cancel, retry, rm, artifact')
    .usage('[command] [flags]')
    .addHelpText('before', LIST_HELP)
    .addHelpText('after', '\nThe flags of the list: foreman jobs list --help')
  addList(jobs)
  addGet(jobs)
  addWatch(jobs)
  addChanges(jobs)
  addArtifact(jobs)
}

interface ListFlags extends ConnectionFlags {
  readonly state?: JobState
  readonly model?: string
  readonly label?: string
  readonly limit: number
  readonly all?: true
}

function addList(jobs: Command): void {
  const list = withConnection(
    jobs.command('list', { isDefault: true }),
    undefined,
    'print each job as JSON, one a line',
  )
  list
    .summary('list jobs, newest first (also without `list`)')
    .addHelpText('before', LIST_HELP)
    .allowExcessArguments()
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(STATES))
    .option('--model <model>', 'only jobs for this model')
    .option('--label <label>', 'only jobs with this label')
    .addOption(
      new Option('--limit <number>', 'at most this many').argParser(argument(integer(1, 1_000_000))).default(20, '20'),
    )
    .option('--all', 'all jobs, instead of --limit')
    .action(async (flags: ListFlags) => {
      const [mistyped] = list.args
      if (mistyped !== undefined) {
        const meant = nearest(
          mistyped,
          jobs.commands.map((command) => command.name()),
        )
        return jobs.error(`error: unknown command '${mistyped}'${meant === null ? '' : `\n(Did you mean ${meant}?)`}`)
      }
      await printList(flags)
    })
}

async function printList({ state, model, label, limit, all, ...flags }: ListFlags): Promise<void> {
  const most = all === true ? Number.POSITIVE_INFINITY : limit
  const rows: (readonly string[])[] = []
  let count = 0
  for await (const job of connect(flags).jobs({ state, model, label, limit: Math.min(most, 200) })) {
    // One job more than is shown, to know whether there are more.
    if (count++ === most) break
    if (flags.json === true) process.stdout.write(`${jsonText(job, 'line')}\n`)
    else rows.push(jobCells(LIST, job, Date.now()))
  }
  if (flags.json === true) return
  if (rows.length === 0) process.stderr.write('no jobs\n')
  else process.stdout.write(`${jobTable(LIST, rows, terminalWidth()).join('\n')}\n`)
  if (count > most && process.stdout.isTTY) process.stderr.write(`the newest ${limit}; --limit or --all for more\n`)
}

function addGet(jobs: Command): void {
  withConnection(jobs.command('get').argument('<id>'))
    .summary('show one job')
    .addHelpText('before', GET_HELP)
    .action(async (id: string, flags: ConnectionFlags) => {
      const job = await connect(flags).get(id)
      process.stdout.write(`${flags.json === true ? jsonText(job) : jobPage(job, terminalWidth(), Date.now())}\n`)
    })
}

function addWatch(jobs: Command): void {
  withWaiting(jobs.command('watch').argument('<id>'), 'print each event as JSON, one a line')
    .summary('wait for a job and print its answer')
    .addHelpText('before', WATCH_HELP)
    .action(async (id: string, flags: ConnectionFlags) => {
      const client = connect({ ...flags, timeout: undefined })
      const { state, model } = await client.get(id)
      const progress = new ProgressLine(model)
      progress.change({ state })
      await follow(client.job(id), {
        prints: flags.json === true ? 'events' : 'text',
        progress,
        timeoutMs: flags.timeout,
        mayCancel: false,
        endsWithReader: false,
      })
    })
}
