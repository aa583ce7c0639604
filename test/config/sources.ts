// Made-up sources of settings for the tests of this folder, independent of the machine.

import { type Loaded, loadConfig } from '../../src/daemon/config/load.ts'
import type { SettingSources } from '../../src/daemon/config/sources.ts'

export const TARGET = { FOREMAN_OLLAMA_URL: 'http://mac.local:11434' } as const

export function sources(overrides: Partial<SettingSources> = {}): SettingSources {
  return {
    flags: {},
    env: TARGET,
    dotenv: null,
    readFile: (path) => {
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })
    },
    machine: { hostname: 'box', addresses: ['192.168.1.5', 'fd00::5'] },
    ...overrides,
  }
}

export function loaded(overrides: Partial<SettingSources> = {}): Extract<Loaded, { kind: 'loaded' }> {
  const result = loadConfig(sources(overrides))
  if (result.kind === 'refused') throw new Error(result.problems.join('\n'))
  return result
}

export function problems(overrides: Partial<SettingSources> = {}): readonly string[] {
  const result = loadConfig(sources(overrides))
  return result.kind === 'loaded' ? [] : result.problems
}
