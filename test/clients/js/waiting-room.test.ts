// A long wait in the queue is survived by every JavaScript client, thanks to hold, commit and beat.

import { describe } from 'vitest'
import { testWaitingRoom } from '../conformance/waiting-room.ts'
import { WAYS } from './ways.ts'

describe('every JavaScript client', () => testWaitingRoom(WAYS))
