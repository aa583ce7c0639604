// Fuzz target: the keys that foreman routes by, in any spelling, order and number, against a model of Go's encoding/json and,
// where Go is installed, against encoding/json itself.

import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SeededRandom } from '../../proof/seeded-random.ts'
import { readAtOnce, SETTINGS } from '../../request/reading.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'routing-keys'

const BATCH = 500
const KEYS = ['model', 'stream', 'keep_alive', 'messages', 'options'] as const
type Key = (typeof KEYS)[number]
const VALUES: Readonly<Record<Key, readonly string[]>> = {
  model: ['"a"', '"b"', '"c:q4"'],
  stream: ['true', 'false'],
  keep_alive: ['"5m"', '300'],
  messages: ['[{"role":"user","content":"x"}]'],
  options: ['{"num_ctx":7}', '{"num_ctx":7,"Num_ctx":8}', '{}'],
}

interface Case {
  readonly body: string
  /** The routing keys, once for each occurrence in the body. */
  readonly keys: readonly Key[]
  readonly model: string | null
  readonly stream: boolean
}

const escaped = (char: string): string =>
  [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')

function spelled(key: string, random: SeededRandom): string {
  const folds = (char: string): readonly string[] =>
    char === 's' ? ['s', 'S', '\u017f'] : char === 'k' ? ['k', 'K', '\u212a'] : [char, char.toUpperCase()]
  return [...key]
    .map((char) => (random.happens(0.7) ? char : random.pick(folds(char))))
    .map((char) => (random.happens(0.1) ? escaped(char) : char))
    .join('')
}

/** A key that is almost a routing key. */
function strange(random: SeededRandom): string {
  const key = random.pick(KEYS)
  return random.pick([
    `${key}s_`,
    key.slice(1),
    `\u0131${key}`,
    key.replace(/[eo]/, '\u00e9'),
    `${key}\\u0000`,
    '',
    'think',
  ])
}

function makeCase(random: SeededRandom): Case {
  const members: string[] = []
  const keys: Key[] = []
  let model: string | null = null
  let stream = true
  for (let i = random.integer(1, 6); i > 0; i--) {
    if (random.happens(0.4)) {
      members.push(`"${strange(random)}":${random.pick(['1', '"x"', 'null', '{"model":"z"}', '[{"stream":false}]'])}`)
      continue
    }
    const key = random.pick(KEYS)
    const value = random.pick(VALUES[key])
    members.push(`"${spelled(key, random)}"${random.pick([':', ' : '])}${value}`)
    keys.push(key)
    if (key === 'model') model = JSON.parse(value) as string
    if (key === 'stream') stream = value === 'true'
  }
  return { body: `{${members.join(random.pick([',', ' ,\n']))}}`, keys, model, stream }
}

/** Why foreman's reading of the case is wrong; null if it is right. */
function wrongReading({ body, keys, model, stream }: Case): string | null {
  const bytes = new Uint8Array(Buffer.from(body))
  const reading = readAtOnce('/api/chat', { body: bytes, contentType: null, contentEncoding: null }, SETTINGS)
  const isTwice = new Set(keys).size < keys.length
  if (reading.kind === 'refused') {
    const expected = isTwice ? 'ambiguous_key' : model === null ? null : 'no refusal'
    return reading.code === expected ? null : `${reading.status} ${reading.message}, expected: ${expected}`
  }
  if (isTwice) return 'a key that stands twice was taken'
  const { submission } = reading
  if (submission.model !== model || submission.stream !== stream)
    return `read as ${submission.model}, ${submission.stream}, expected: ${model}, ${stream}`
  const text = Buffer.from(submission.body).toString()
  return keys.includes('keep_alive') && text !== body ? 'a second keep_alive was put in' : null
}

const GO = `package main
import ("bufio"; "encoding/json"; "fmt"; "os")
type request struct {
	Model string \`json:"model"\`
	Stream *bool \`json:"stream,omitempty"\`
	Messages []any \`json:"messages"\`
	KeepAlive any \`json:"keep_alive,omitempty"\`
	Options map[string]any \`json:"options"\`
}
func main() {
	in := bufio.NewReaderSize(os.Stdin, 1 << 20)
	for {
		var body string
		line, err := in.ReadBytes('\\n')
		if err != nil { return }
		json.Unmarshal(line, &body)
		var r request
		json.Unmarshal([]byte(body), &r)
		stream := r.Stream == nil || *r.Stream
		out, _ := json.Marshal([]any{r.Model, stream})
		fmt.Println(string(out))
	}
}
`

/** Results of encoding/json for each body. */
async function readByGo(bodies: readonly string[]): Promise<readonly (readonly [string, boolean])[]> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-fuzz-'))
  try {
    await writeFile(join(folder, 'main.go'), GO)
    const running = promisify(execFile)('go', ['run', 'main.go'], {
      cwd: folder,
      env: { ...process.env, GO111MODULE: 'off' },
    })
    running.child.stdin?.end(bodies.map((body) => `${JSON.stringify(body)}\n`).join(''))
    const { stdout } = await running
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, boolean])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const hasGo = spawnSync('go', ['version']).status === 0

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  const random = new SeededRandom(seed)
  const first = Array.from({ length: BATCH }, () => makeCase(random))
  const failed = (found: Case, why: string): Error => new Error(`seed ${seed}: ${why}\n${found.body}`)
  const check = (batch: readonly Case[]): void => {
    for (const found of batch) {
      const why = wrongReading(found)
      if (why !== null) throw failed(found, why)
    }
  }
  check(first)
  // Compares the model with Go once for each turn, because compiling takes seconds.
  if (hasGo) {
    const read = await readByGo(first.map(({ body }) => body))
    for (const [i, found] of first.entries()) {
      const [model, stream] = read[i] ?? ['', true]
      const expected = found.model ?? ''
      if (model !== expected || stream !== found.stream) throw failed(found, `Go reads ${model}, ${stream}`)
    }
  }
  let cases = BATCH
  for (; !until(); cases += BATCH) {
    check(Array.from({ length: BATCH }, () => makeCase(random)))
    await new Promise(setImmediate)
  }
  return { cases }
}
