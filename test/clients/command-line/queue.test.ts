// The `ollama` command line behind a queue: its exit code and standard error, which are all that a script sees. It has no
// timeout to test. test/ollama covers its output with an idle server.

import { describeWithOllama, FIRST_START_MS } from '../../ollama/real-ollama.ts'
import type { ClientMode } from '../conformance/client-mode.ts'
import { testMatrix } from '../conformance/matrix.ts'
import { useCommandLine } from './command-line.ts'

describeWithOllama('the command line', () => {
  const run = useCommandLine(FIRST_START_MS)

  const way: ClientMode = {
    ...{ client: 'ollama command line', mode: 'streamed', endpoint: '/api/generate', streams: true },
    call: ({ url, model }) => run(url, ['run', model, 'hi']),
  }

  testMatrix('command-line', [way])
})
