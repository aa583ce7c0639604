// Rival pg-boss: `send` to one queue, with its maintenance switched off during the measurement.

import { PgBoss } from 'pg-boss'
import type { OpenRival } from './rival.ts'

export const open: OpenRival = async (connectionString, max) => {
  const boss = new PgBoss({ connectionString, max, supervise: false, schedule: false })
  boss.on('error', (error) => console.error(error.message))
  await boss.start()
  await boss.createQueue('chat')
  return { submit: (job) => boss.send('chat', job), close: () => boss.stop({ graceful: false }) }
}
