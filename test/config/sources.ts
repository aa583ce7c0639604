// Made-up sources of settings for the tests of this folder, independent of the machine.

import { type Loaded, loadConfig, type SettingSources } from '../../src/daemon/config/load.ts'

export const TARGET = { FOREMAN_OLLAMA_URL: 'http://mac.local:11434' } as const

export function sources(overrides: Partial<SettingSources> = {}): SettingSources {
  return {
    flags: {},
    env: TARGET,
    dotenv: null,
    readFile: (path) => {
      throw new Error(`ENOENT: no such file, open '${path}'`)
    },
    machine: { hostname: 'box', addresses: ['192.168.1.5', 'fd00::5'] },
    ...overrides,
  }
}

export function loaded(overrides: Partial<SettingSources> = {}): Extract<Loaded, { kind: 'loaded' }> {
  const result = loadConfig(sources(overrides))
  if (result.kind === 'refused') throw new Error(result.problems.map(({ text }) => text).join('\n'))
  return result
}

export function problems(overrides: Partial<SettingSources> = {}): string[] {
  const result = loadConfig(sources(overrides))
  return result.kind === 'loaded' ? [] : result.problems.map(({ text }) => text)
}
