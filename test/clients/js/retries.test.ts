// A JavaScript client that gives up, asks again and says so has one job, not three: it keeps its place and gets its answer.

import { describe } from 'vitest'
import { testRetries } from '../conformance/retries.ts'
import { toldOf } from './told.ts'
import { WAYS } from './ways.ts'

/** Those that count their retries in a header. */
const SAYING = WAYS.filter(({ client }) => client === 'openai' || client === 'anthropic').map((way) => ({
  ...way,
  tellSoon: (asked: Parameters<typeof way.ask>[0], timeoutMs: number) => toldOf(way.ask({ ...asked, timeoutMs })),
}))

describe('of the JavaScript clients', () => testRetries(SAYING))
