// What a queue does to the Python clients: the matrix of failures, made anew by every run and written to
// docs/client-matrix.md, and a wait in the queue that is longer than LlamaIndex's 30 s of patience.

import { afterAll, beforeAll, describe } from 'vitest'
import { testMatrix } from '../conformance/matrix.ts'
import { testWaitingRoom } from '../conformance/waiting-room.ts'
import { startAskers, stopAskers } from './asker.ts'
import { describeWithPython, FIRST_INSTALL_MS } from './environment.ts'
import { WAYS } from './ways.ts'

describeWithPython('with Python', () => {
  beforeAll(startAskers, FIRST_INSTALL_MS)
  afterAll(stopAskers)

  describe('a Python client', () => testMatrix('python', WAYS))

  describe('every Python client', () => testWaitingRoom(WAYS))
})
