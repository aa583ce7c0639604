// Rival graphile-worker: `addJob` of its utilities, with its own pool.

import { Logger, makeWorkerUtils } from 'graphile-worker'
import type { OpenRival } from './rival.ts'

const silent = new Logger(() => () => undefined)

export const open: OpenRival = async (connectionString, maxPoolSize) => {
  const utils = await makeWorkerUtils({ connectionString, maxPoolSize, logger: silent })
  await utils.migrate()
  return { submit: (job) => utils.addJob('chat', job), close: async () => utils.release() }
}
