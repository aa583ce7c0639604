// Test of a long wait in the queue with every JavaScript client.

import { describe } from 'vitest'
import { testQueueWait } from '../conformance/queue-wait.ts'
import { CLIENT_MODES } from './client-modes.ts'

describe('every JavaScript client', () => testQueueWait(CLIENT_MODES))
