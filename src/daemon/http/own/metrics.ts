// `GET /metrics`: counters and gauges in the text format of Prometheus.

import type { Call } from '../call.ts'
import { FRESH, send } from '../respond.ts'

export async function sendMetrics({ context, res }: Call): Promise<void> {
  const { contentType, body } = await context.metrics.render()
  send(res, 200, contentType, body, FRESH)
}
