// A JavaScript client that gives up, asks again and says so has one job, not three: it keeps its place and gets its answer.

import { describe } from 'vitest'
import { testRetries } from '../conformance/retries.ts'
import { CLIENT_MODES } from './client-modes.ts'
import { resultOf } from './client-result.ts'

/** Those that count their retries in a header. */
const SAYING = CLIENT_MODES.filter(({ client }) => client === 'openai' || client === 'anthropic').map((way) => ({
  ...way,
  callWithTimeout: (asked: Parameters<typeof way.ask>[0], timeoutMs: number) =>
    resultOf(way.ask({ ...asked, timeoutMs })),
}))

describe('the JavaScript clients', () => testRetries(SAYING))
