// examples/existing-script: the script prints the same with and without foreman, and only one line of it differs.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { run } from '../cli/command-line.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { EXAMPLES, installedExamples } from './installed.ts'

const linesOf = (name: string): string[] => readFileSync(join(EXAMPLES, name), 'utf8').split('\n')

it('the changed line of the script is the one in the README', () => {
  const before = linesOf('existing-script/before.mjs')
  const after = linesOf('existing-script/after.mjs')
  expect(after).toHaveLength(before.length)
  const changed = after.flatMap((line, index) => (line === before[index] ? [] : [`-${before[index]}`, `+${line}`]))
  expect(changed).toHaveLength(2)
  expect(linesOf('README.md').filter((line) => /^[-+]\w/.test(line))).toEqual(changed)
})

it('the script prints the same through foreman as without it', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake, { clock: systemClock })
  const cwd = await installedExamples()
  const env = { OLLAMA_URL: fake.url, FOREMAN_URL: url }
  const ask = (name: string) => run(['tiny-a', 'tiny-embed'], { program: join(cwd, 'existing-script', name), cwd, env })
  const before = await ask('before.mjs')
  const asked = fake.workers.length
  const after = await ask('after.mjs')
  expect(before).toMatchObject({ code: 0, stdout: expect.stringContaining('Hello world!') })
  expect(after).toEqual(before)
  expect(fake.workers.slice(asked).map((request) => request.header('x-foreman-job-id'))).toEqual([
    expect.stringMatching(/^[0-9A-Z]{26}$/),
  ])
})
