// Table test of errors: each error is provoked once for all clients of a language and compared with what is expected: message and status
// as the client shows them, and reason phrase and headers on the connection.

import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { allSettledInTurn } from './all-settled.ts'
import { type ClientName, type ClientResult, nameOf } from './client-mode.ts'
import { ERROR_CASES, type ErrorCase, type ErrorQuestion, type Operation, SCRIPTED } from './errors.ts'
import { MODEL } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'
import type { TappedAnswer } from './tap.ts'

/** A client with one operation that can fail. */
export interface ErrorClient extends ClientName {
  readonly streams?: boolean
  /** Sends the request without retries, which the matrix tests. Never rejects. */
  readonly call: (question: ErrorQuestion) => Promise<ClientResult>
  /** The text that it shows of this error; default: the message. */
  readonly shows?: (error: ErrorCase) => string
  /** Its error does not contain the status. */
  readonly hidesStatus?: boolean
  /** The expected Allow header if its wrong method is not the default one. */
  readonly allow?: string
}

export type ErrorClients = Readonly<Partial<Record<Operation, readonly ErrorClient[]>>>

interface Shown {
  readonly result: ClientResult
  readonly answer: TappedAnswer | undefined
}

/** Foremen at a time: each must start within 30 s, even on a slow machine. */
const AT_ONCE = 4

/** Returns whether the case can share a foreman with others. */
const shares = ({ settings, isStepped, isLast, endWait }: ErrorCase): boolean =>
  settings === undefined && endWait === undefined && isStepped !== true && isLast !== true

interface ErrorRun {
  readonly error: ErrorCase
  readonly clients: readonly ErrorClient[]
}

async function provoke(scenarioRun: ScenarioRun, { error, clients }: ErrorRun): Promise<ReadonlyMap<string, Shown>> {
  const ask = async (client: ErrorClient): Promise<readonly [string, Shown]> => {
    const tap = scenarioRun.tapOf(client)
    const { host = '127.0.0.1', path = '', ...asked } = error.asked ?? {}
    const url = tap.url.replace('127.0.0.1', host) + path
    const result = await client.call({ url, model: MODEL, ...asked })
    const answer = tap.answers.at(-1)
    if (error.isOneByOne === true) await tap.stop()
    return [nameOf(client), { result, answer }]
  }
  await error.prepare?.(scenarioRun)
  if (error.isOneByOne === true) {
    const shown = new Map<string, Shown>()
    for (const client of clients) shown.set(...(await ask(client)))
    return shown
  }
  const all = Promise.all(clients.map(ask))
  await error.endWait?.(scenarioRun, all)
  return new Map(await all)
}

/** Runs cases with the same settings one after the other in front of one foreman. */
async function runErrors(runs: readonly ErrorRun[], see: (name: string, shown: ReadonlyMap<string, Shown>) => void) {
  const [first] = runs
  if (first === undefined) return
  const { settings, isStepped } = first.error
  const scenarioRun = await ScenarioRun.start({ FOREMAN_HEARTBEAT: '0', ...settings }, first.clients, isStepped)
  try {
    for (const run of runs) {
      if (run !== first) await scenarioRun.reset(run.clients, SCRIPTED)
      see(run.error.name, await provoke(scenarioRun, run))
    }
  } finally {
    await scenarioRun.stop()
  }
}

/** Declares the tests of all errors that these clients can get. `part` names the file of classes: `javascript`, `python`. */
export function testErrors(part: string, clients: ErrorClients, setUpMs?: number): void {
  const shown = new Map<string, ReadonlyMap<string, Shown>>()
  const clientsOf = ({ operation, appliesTo }: ErrorCase): readonly ErrorClient[] =>
    (clients[operation ?? 'chat'] ?? []).filter((client) => appliesTo?.(client) ?? true)
  const cases = ERROR_CASES.filter((error) => clientsOf(error).length > 0)

  beforeAll(async () => {
    const runs = cases.map((error) => ({ error, clients: clientsOf(error) }))
    const alone = runs.filter(({ error }) => !shares(error)).map((run) => [run])
    const together = runs.filter(({ error }) => shares(error))
    await allSettledInTurn([together, ...alone], AT_ONCE, (some) =>
      runErrors(some, (name, seen) => void shown.set(name, seen)),
    )
  }, setUpMs)

  const cells = cases.flatMap((error) =>
    clientsOf(error).map((client) => [nameOf(client), error.name, { client, error }] as const),
  )

  describe('a client that gets an error', () => {
    test.for(cells)('%s shows %s', ([name, , { client, error }]) => {
      const { result, answer } = shown.get(error.name)?.get(name) ?? expect.fail('the request was not sent')
      expect(answer, JSON.stringify({ result, answer })).toMatchObject({ status: error.status, reason: error.reason })
      const { headers = {} } = answer ?? {}
      expect(headers['x-foreman-error'] ?? null).toBe(error.code)
      expect(headers['retry-after']).toEqual(error.status === 503 ? expect.stringMatching(/^[1-9]\d*$/) : undefined)
      expect(headers['www-authenticate']).toBe(error.status === 401 ? 'Bearer' : undefined)
      expect(headers['allow']).toBe(error.status === 405 ? (client.allow ?? 'POST') : undefined)
      const sentence = client.shows?.(error) ?? error.sentence
      expect(result).toMatchObject({ kind: 'error', message: expect.stringContaining(sentence) })
      if (client.hidesStatus !== true) expect(result).toMatchObject({ status: error.status })
    })
  })

  test('the error classes equal the saved ones (update them with vitest -u)', async () => {
    const classes = Object.fromEntries(
      cases.map(({ name: error }) => [
        error,
        Object.fromEntries(
          [...(shown.get(error) ?? [])].map(([way, { result }]) => [
            way,
            result.kind === 'error' ? result.type : 'none',
          ]),
        ),
      ]),
    )
    const file = join(import.meta.dirname, `error-classes/${part}.json`)
    await expect(`${JSON.stringify(classes, null, 2)}\n`).toMatchFileSnapshot(file)
  })
}
