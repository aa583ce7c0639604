// `foreman jobs cancel`, `retry` and `rm`. Each takes several ids, continues after an id that fails, and reports it.

import type { Command } from 'commander'
import { ApiError, AuthError, type ForemanClient, isFinal } from '../client/index.ts'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { jsonText, printable } from './terminal.ts'

interface Change {
  readonly summary: string
  readonly help: string
  change(client: ForemanClient, id: string): Promise<{ text: string; document: object }>
}

const CHANGES: Readonly<Record<string, Change>> = {
  cancel: {
    summary: 'cancel waiting or running jobs',
    help: 'Cancels jobs. A running job is stopped at Ollama. A finished job does not change.\n\nExamples:\n  foreman jobs cancel 01KDWS9F3K8E6YJ5T9S1R2Q3WX\n  foreman jobs --all --json --state queued --label test | jq -r .job_id | xargs -r foreman jobs cancel\n',
    async change(client, id) {
      const { state } = await client.cancel(id)
      return { text: `${id}  ${isFinal(state) ? state : 'being cancelled'}`, document: { job_id: id, state } }
    },
  },
  retry: {
    summary: 'submit finished jobs again as new jobs',
    help: 'Submits finished jobs again, each as a new job, and prints the new ids. The old jobs do not change.\n\nExamples:\n  foreman jobs retry 01KDWS9F3K8E6YJ5T9S1R2Q3WX\n  foreman jobs watch "$(foreman jobs retry 01KDWS9F3K8E6YJ5T9S1R2Q3WX)"\n',
    async change(client, id) {
      const job = await client.retry(id)
      return { text: job.id, document: { retry_of: id, ...job.receipt } }
    },
  },
  rm: {
    summary: 'delete finished jobs with their artifacts and webhooks',
    help: 'Deletes finished jobs with their artifacts and webhooks, sent or not. Cancel a job first if it has not finished.\n\nExamples:\n  foreman jobs rm 01KDWS9F3K8E6YJ5T9S1R2Q3WX\n',
    async change(client, id) {
      await client.delete(id)
      return { text: `${id}  deleted`, document: { job_id: id, deleted: true } }
    },
  },
}

export function addChanges(jobs: Command): void {
  for (const [name, { summary, help, change }] of Object.entries(CHANGES)) {
    withConnection(jobs.command(name).argument('<id...>'), undefined, 'print each outcome as JSON, one a line')
      .summary(summary)
      .addHelpText('before', help)
      .action((ids: readonly string[], flags: ConnectionFlags) => changeAll(change, ids, flags))
  }
}

async function changeAll(change: Change['change'], ids: readonly string[], flags: ConnectionFlags): Promise<void> {
  const client = connect(flags)
  let failures = 0
  for (const id of ids) {
    try {
      const { text, document } = await change(client, id)
      process.stdout.write(`${flags.json === true ? jsonText(document, 'line') : printable(text)}\n`)
    } catch (error) {
      // An error about one job does not concern the next; an error of the daemon or the token does.
      const isAboutThisJob = error instanceof ApiError && !(error instanceof AuthError) && error.status < 500
      if (!isAboutThisJob || ids.length === 1) throw error
      failures++
      process.stderr.write(`foreman: ${printable(error.message)}\n`)
    }
  }
  if (failures > 0) throw new CommandError(EXIT.error, `foreman: ${failures} of ${ids.length} failed`)
}
