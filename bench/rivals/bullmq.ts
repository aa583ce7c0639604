// Rival BullMQ: one Queue on one connection, which sends concurrent requests together.

import { Queue } from 'bullmq'
import type { OpenRival } from './rival.ts'

export const open: OpenRival = async (url) => {
  const { hostname: host, port } = new URL(url)
  const queue = new Queue('jobs', { connection: { host, port: Number(port) } })
  await queue.waitUntilReady()
  return { submit: (job) => queue.add('chat', job), close: () => queue.close() }
}
