// Fuzz target: the grammar of settings. No text makes it throw, every refusal gives a reason and shows no secret, and the
// shown form of an accepted value is read as the same value.

import { loadConfig } from '../../../src/daemon/config/load.ts'
import { KNOWN_NAMES } from '../../../src/daemon/config/options.ts'
import { duration, formatDuration, formatSize, size } from '../../../src/daemon/text/grammar.ts'
import { SeededRandom } from '../../proof/seeded-random.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'settings'

const BATCH = 100
const PIECES = [
  '0',
  '1',
  '5',
  '30',
  '999',
  '-',
  '+',
  '.',
  'e9',
  'ms',
  's',
  'm',
  'h',
  'd',
  'KiB',
  'MiB',
  'GiB',
  'MB',
  ' ',
  ',',
  '*',
  ':',
  '/',
  'http://',
  'https://',
  'localhost',
  '[::1]',
  '0.0.0.0',
  '@',
  '%',
  '"',
  "'",
  '\\',
  '\n',
  '\u00e9',
  '\u221e',
  'none',
  'true',
  'false',
  'info',
]
const SECRET = 'sesame-that-must-not-be-shown'

const textOf = (random: SeededRandom): string =>
  Array.from({ length: random.integer(0, 6) }, () => random.pick(PIECES)).join('')

const RANGE = { min: 0, max: Number.MAX_SAFE_INTEGER }
const GRAMMARS = [
  { parser: duration({ min: 1, max: 1_000_000_000 }), shown: formatDuration },
  { parser: size(RANGE), shown: formatSize },
]

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const random = new SeededRandom(seed)
  const fail = (why: string, text: unknown): never => {
    throw new Error(`seed ${seed}: ${why}\n${JSON.stringify(text)}`)
  }
  let cases = 0
  for (; cases === 0 || !until(); cases += BATCH) {
    for (let i = 0; i < BATCH; i++) {
      for (const { parser, shown } of GRAMMARS) {
        const text = textOf(random)
        const parsed = parser.parse(text)
        if (parsed.kind === 'refused') {
          if (parsed.why === '') fail('a refusal without a reason', text)
          continue
        }
        const again = parser.parse(shown(parsed.value))
        if (again.kind !== 'value' || again.value !== parsed.value) fail(`shown as ${shown(parsed.value)}`, text)
      }
      const env: Record<string, string> = { FOREMAN_OLLAMA_URL: 'http://127.0.0.1:11434' }
      for (let n = random.integer(1, 4); n > 0; n--) env[random.pick(KNOWN_NAMES)] = textOf(random)
      env['FOREMAN_TOKEN'] = `${SECRET}${textOf(random)}`
      const machine = { hostname: 'test', addresses: [] }
      const loaded = loadConfig({ flags: {}, env, dotenv: null, readFile: () => '', machine })
      if (loaded.kind !== 'refused') continue
      if (loaded.problems.length === 0) fail('refused without a problem', env)
      if (loaded.problems.some((problem) => problem.includes(SECRET))) fail('a problem shows the token', env)
    }
    await new Promise(setImmediate)
  }
  return { cases }
}
