// docs/webhooks.md is correct: each of its programs runs, its example is a valid payload, and its numbers are those of the
// code.

import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { RETRY_MS } from '../../src/daemon/domain/delivery.ts'
import { signWebhook, WEBHOOK_HEADERS, webhookKey } from '../../src/protocol/webhook.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'foreman-document-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The program of that name: a fenced block whose first line is a comment with it. */
function extract(name: string): string {
  const blocks = [...PAGE.matchAll(/^```\w+\n((?:\/\/|#) (\S+)\n[\s\S]*?)^```$/gm)]
  const found = blocks.find(([, , first]) => first === name)?.[1]
  if (found === undefined) throw new Error(`docs/webhooks.md has no program ${name}`)
  const file = join(folder, name)
  writeFileSync(file, found.replace("'foreman-client'", JSON.stringify(join(ROOT, 'src/client/index.ts'))))
  return file
}

interface Program {
  readonly name: string
  /** The program that must be installed to run it. */
  readonly tool: readonly string[]
  readonly command: (file: string) => readonly string[]
}

const built = join(folder, 'verify-go')

const PROGRAMS: readonly Program[] = [
  { name: 'verify-client.ts', tool: [process.execPath, '--version'], command: (file) => [process.execPath, file] },
  { name: 'verify.ts', tool: [process.execPath, '--version'], command: (file) => [process.execPath, file] },
  { name: 'verify.py', tool: ['python3', '--version'], command: (file) => ['python3', file] },
  {
    name: 'verify.go',
    tool: ['go', 'version'],
    command: (file) => {
      execFileSync('go', ['build', '-o', built, file], { cwd: folder, env: { ...process.env, GOTOOLCHAIN: 'local' } })
      return [built]
    },
  },
  { name: 'verify.sh', tool: ['openssl', 'version'], command: (file) => ['sh', file] },
]

function isThere([command = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_aGVsbG8=', 'a plain secret, schön'] as const
const BODY = new TextEncoder().encode('{"type":"job.done","text":"schön\\n %s $HOME"}\n')

interface Sent {
  readonly headers: Record<string, string>
  readonly body: Uint8Array
  readonly secret: string
}

async function sent(secrets: readonly string[], secret: string, ageS = 0): Promise<Sent> {
  const keys = secrets.map((text) => webhookKey(text) ?? new Uint8Array(0))
  const timestamp = Math.floor(Date.now() / 1000) - ageS
  return { headers: await signWebhook({ id: '01JD-4', timestamp, body: BODY, keys }), body: BODY, secret }
}

function exitCode([command = '', ...args]: readonly string[], { headers, body, secret }: Sent): Promise<number> {
  const { promise, resolve: exited } = Promise.withResolvers<number>()
  const env = {
    ...process.env,
    WEBHOOK_ID: headers[WEBHOOK_HEADERS.id],
    WEBHOOK_TIMESTAMP: headers[WEBHOOK_HEADERS.timestamp],
    WEBHOOK_SIGNATURE: headers[WEBHOOK_HEADERS.signature],
    WEBHOOK_SECRET: secret,
  }
  const child = execFile(command, args, { env }, (error) => exited(typeof error?.code === 'number' ? error.code : 0))
  // A program that checks the headers first may end before it has read the body.
  child.stdin?.on('error', () => {})
  child.stdin?.end(body)
  return promise
}

describe.each(PROGRAMS)('$name of the page', ({ name, tool, command }) => {
  it.skipIf(!isThere(tool))('accepts only what foreman has signed', async () => {
    const run = command(extract(name))
    const verdict = async (webhook: Sent): Promise<boolean> => (await exitCode(run, webhook)) === 0
    for (const secret of SECRETS) expect(await verdict(await sent([secret], secret)), secret).toBe(true)
    const [first, second, third] = SECRETS
    expect(await verdict(await sent(SECRETS, third)), 'one of several').toBe(true)
    expect(await verdict(await sent([first], first, 290)), 'almost five minutes old').toBe(true)

    const good = await sent([first], first)
    expect(await verdict({ ...good, secret: second }), 'another secret').toBe(false)
    expect(await verdict({ ...good, body: new TextEncoder().encode('{}') }), 'another body').toBe(false)
    expect(await verdict({ ...good, headers: { ...good.headers, 'webhook-id': 'x' } }), 'another id').toBe(false)
    expect(await verdict({ ...good, headers: { ...good.headers, 'webhook-timestamp': '' } }), 'no time').toBe(false)
    expect(await verdict({ ...good, headers: { ...good.headers, 'webhook-signature': '' } }), 'no signature').toBe(
      false,
    )
    expect(await verdict(await sent([first], first, 310)), 'too old').toBe(false)
    expect(await verdict(await sent([first], first, -310)), 'from the future').toBe(false)
  })
})

describe('the page', () => {
  it('shows a payload with every field', () => {
    const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? '') as Record<string, unknown>
    const fields = readFileSync(join(ROOT, 'src/protocol/webhook.ts'), 'utf8')
    const declared = /interface WebhookPayload \{([\s\S]*?)\n\}/.exec(fields)?.[1] ?? ''
    const names = [...declared.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name)
    expect([...Object.keys(example), 'result_omitted'].sort()).toEqual(names.sort())
    for (const name of Object.values(WEBHOOK_HEADERS)) expect(PAGE.toLowerCase()).toContain(`\`${name}\``)
  })
  it('has the schedule of the code', () => {
    const words = RETRY_MS.map((ms) =>
      ms < 60_000 ? ms / 1_000 : ms < 3_600_000 ? `${ms / 60_000} m` : `${ms / 3_600_000} h`,
    )
    const [a, b, c, d, e, ...rest] = words
    expect(PAGE).toContain(
      `After ${a}, ${b}, ${c}, ${d} and ${e} s, then ${rest.slice(0, -1).join(', ')} and ${rest.at(-1)}`,
    )
  })
})
