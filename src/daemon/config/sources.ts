// Owns the one place where the real environment, the real `.env` and the real machine are read.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { interfaceAddresses } from './interface-addresses.ts'
import type { SettingSources } from './load.ts'

/** What this process was given; `flags` by variable name. */
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
