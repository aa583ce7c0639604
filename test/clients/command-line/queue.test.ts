// What a queue does to the `ollama` command line, whose exit code and standard error are all that a script has. It has no
// patience of its own to be tried. What it says in front of a server that is not busy stands in test/ollama.

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
