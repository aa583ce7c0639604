// The fuzz runner: it counts cases, and reports a failure with the command that repeats it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SCRIPT = join(import.meta.dirname, '../../scripts/fuzz.ts')
const MUTANTS = ['--targets', join(import.meta.dirname, 'mutants')]

async function fuzz(...args: string[]): Promise<{ code: number; text: string }> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (part: string) => {
      text += part
    })
  }
  const [code] = await once(child, 'close')
  return { code, text }
}

describe('npm run fuzz', () => {
  it('tries the cases of each target and prints its seed', async () => {
    const { code, text } = await fuzz('--for', '1s', '--seed', '3', 'store')
    expect(text).toContain('seed 3, 1s: store')
    expect(text).toMatch(/^store: [1-9]\d* cases$/m)
    expect(code).toBe(0)
  })

  it('reports a failure with its case, its seed and the command that repeats it', async () => {
    const first = await fuzz('--for', '30s', '--seed', '0', ...MUTANTS, 'sorts')
    expect(first.code).toBe(1)
    const [, seed] = /^once more: npm run fuzz -- --for 30s --seed (\d+) sorts$/m.exec(first.text) ?? []
    expect(first.text).toContain(`FAILED sorts, seed ${seed}`)
    expect(first.text).toContain(`seed ${seed}: sorted [7, 1] wrongly`)
    const again = await fuzz('--for', '30s', '--seed', String(seed), ...MUTANTS, 'sorts')
    expect(again.text).toContain(`seed ${seed}: sorted [7, 1] wrongly`)
    expect(again.code).toBe(1)
  })

  it('reports a target whose process crashes, with its output', async () => {
    const { code, text } = await fuzz('--for', '1s', ...MUTANTS, 'crashes')
    expect(text).toContain('FAILED crashes')
    expect(text).toContain('thrown where nobody waits')
    expect(code).toBe(1)
  })

  it.each([
    [['--for', 'soon'], '--for must be a duration such as 60s, 10m or 2h, not "soon"'],
    [['--seed', 'x'], '--seed must be a whole number of at most nine digits, not "x"'],
    [['nothing'], 'unknown fuzz target "nothing"'],
  ])('rejects %j', async (args, sentence) => {
    const { code, text } = await fuzz(...args)
    expect(text).toContain(sentence)
    expect(code).toBe(2)
  })
})
