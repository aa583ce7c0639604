// Owns the question how many webhooks a second arrive, and whether receivers that are dead slow down anybody else.

import type { Report } from './report.ts'

export async function run(report: Report): Promise<void> {
  report.note('not there yet')
}
