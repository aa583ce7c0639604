// Counts of a run for its log and for docs/reliability.md: kills, requests, jobs, attempts, webhooks.

import type { RunHistory } from './run-history.ts'

const count = <T>(all: readonly T[], key: (one: T) => string): string =>
  [...Map.groupBy(all, key)]
    .map(([name, some]) => `${some.length} ${name}`)
    .sort()
    .join(', ')

export const countsOf = (history: RunHistory): Readonly<Record<string, string>> => ({
  kills: count(history.kills, ({ signal }) => signal),
  submits: count(history.submits, ({ outcome }) => outcome.kind),
  calls: count(history.calls, ({ ending }) => ending),
  jobs: count(history.finals, ({ job }) => (job.error === null ? job.state : `${job.state} (${job.error.code})`)),
  attempts: count(history.finals, ({ job }) => String(job.attempt)),
  executions: count(history.executions, ({ ending }) => ending),
  webhooks: count(history.arrivals, ({ answer }) => String(answer?.status ?? 'cut')),
  'webhooks again': String(history.arrivals.length - new Set(history.arrivals.map(({ webhookId }) => webhookId)).size),
  readings: String(history.readings.length),
  watchers: `${history.watches.length}, over ${history.watches.reduce((sum, { parts }) => sum + parts.length, 0)} connections`,
})
