import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runtimeProblems } from '../../src/cli/settings-flags.ts'
import { duration, formatDuration, formatSize, goDuration, keepAlive, size } from '../../src/daemon/text/grammar.ts'
import { nearest } from '../../src/daemon/text/nearest.ts'

describe('durations and sizes', () => {
  const anyDuration = duration({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const anySize = size({ min: 0, max: Number.MAX_SAFE_INTEGER })

  it('are parsed as they were formatted', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        expect(anyDuration.parse(formatDuration(number))).toEqual({ kind: 'value', value: number })
        expect(anySize.parse(formatSize(number))).toEqual({ kind: 'value', value: number })
      }),
    )
  })

  it('are never anything but a number in range, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,30}(ms|s|m|h|KiB|TiB)?$/)), (text) => {
        for (const parser of [duration({ min: 10, max: 1000 }), size({ min: 10, max: 1000 })]) {
          const parsed = parser.parse(text)
          if (parsed.kind === 'value')
            expect(parsed.value).toSatisfy((it: number) => Number.isInteger(it) && it >= 10 && it <= 1000)
        }
      }),
    )
  })
})

describe('keep_alive', () => {
  it('that is accepted is also accepted by Ollama', () => {
    const texts = fc.oneof(fc.stringMatching(/^(\d{1,8}(\.\d{1,3})?(h|m|s|ms|us|ns|d)?){1,3}$/), fc.string())
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = keepAlive.parse(text)
        if (parsed.kind === 'value' && parsed.value !== null) expect(goDuration(parsed.value)).not.toBeNull()
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the nearest name', () => {
  it('is the one with a small typo, or none', () => {
    expect(nearest('sevre', ['serve', 'resume'])).toBe('serve')
    expect(nearest('helath', ['health', 'help'])).toBe('health')
    expect(nearest('frobnicate', ['serve', 'resume'])).toBeNull()
    expect(nearest('', [])).toBeNull()
  })
})

describe('the runtime', () => {
  it('must be new enough, with an SQLite without the WAL reset bug', () => {
    expect(runtimeProblems(process.versions)).toEqual([])
    expect(runtimeProblems({ node: '24.11.0', sqlite: '3.51.3' })).toEqual([
      expect.stringContaining('node 26.0.0 or newer'),
    ])
    expect(runtimeProblems({ node: '26.0.0', sqlite: '3.51.2' })).toEqual([expect.stringContaining('found 3.51.2')])
    expect(runtimeProblems({ node: '27.0.0-nightly' })).toEqual([expect.stringContaining('found none')])
  })
})
