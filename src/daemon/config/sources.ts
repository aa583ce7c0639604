// Sources of the settings: the only file that reads the real environment, the real `.env` and the real machine.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { interfaceAddresses } from './interface-addresses.ts'
import type { SettingSources } from './load.ts'

/** Returns the sources of this process; `flags` by variable name. */
export function processSources(flags: SettingSources['flags']): SettingSources {
  return {
    flags,
    env: process.env,
    dotenv: dotenvText(),
    readFile: (path) => readFileSync(path, 'utf8'),
    machine: {
      hostname: hostname(),
      addresses: interfaceAddresses(),
    },
  }
}

function dotenvText(): SettingSources['dotenv'] {
  try {
    return readFileSync('.env', 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? null : { unreadable: message }
  }
}
