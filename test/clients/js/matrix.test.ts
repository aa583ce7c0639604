// The matrix of failures for the JavaScript clients: what each makes of what a queue may do to it, made anew by every run,
// held against what was measured before foreman was built, and written to docs/client-matrix.md.

import { describe } from 'vitest'
import { testMatrix } from '../conformance/matrix.ts'
import { CLIENT_MODES } from './client-modes.ts'

describe('a JavaScript client', () => testMatrix('javascript', CLIENT_MODES))
