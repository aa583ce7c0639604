// Accepted and refused values of every setting, at and around its limits. The values are in setting-cases.ts.

import { describe, expect, it } from 'vitest'
import { flagOf, KEYS, KNOWN_NAMES, SETTINGS, type Setting } from '../../src/daemon/config/options.ts'
import { CASES, type Cases } from './setting-cases.ts'

describe.each(KEYS)('the setting %s', (key) => {
  const setting: Setting<unknown> = SETTINGS[key]
  const cases: Cases<unknown> = CASES[key]

  it('has its name', () => expect(setting.name).toBe(cases.name))

  it('has the documented default', () => {
    if ('default' in setting)
      expect(setting.parser.parse(setting.default)).toEqual({ kind: 'value', value: cases.unset })
    else if ('absent' in setting) expect(setting.absent).toEqual(cases.unset)
    else expect('required').toBe(cases.unset)
  })

  it.each(cases.good)('accepts %j', (text, value) => {
    expect(setting.parser.parse(text)).toEqual({ kind: 'value', value })
  })

  it.each(cases.bad)('rejects %j', (text, why) => {
    expect(setting.parser.parse(text)).toEqual({ kind: 'refused', why: expect.stringContaining(why) })
  })
})

describe('the table of settings', () => {
  it('has a flag of the same name for everything but secrets', () => {
    expect(flagOf(SETTINGS.ollamaUrl)).toBe('--ollama-url')
    expect(flagOf(SETTINGS.maxQueueBytes)).toBe('--max-queue-bytes')
    const secrets = KEYS.filter((key) => flagOf(SETTINGS[key]) === null)
    expect(secrets).toEqual(['ollamaToken', 'ollamaBasic', 'token', 'webhookSecrets'])
  })

  it('has no name twice', () => expect(new Set(KNOWN_NAMES).size).toBe(KNOWN_NAMES.length))
})
