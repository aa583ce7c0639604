// Baseline of the client matrix: how each client reacted to what a queue may do, measured with a bare server before foreman existed.
// No cell of the matrix may be worse. It is never updated.

/**
 * Columns: kept alive by spaces, comments or pings; an error record and a cut; a cut alone; a clean end without the last
 * record; 503 with JSON. `–`: not possible in that mode.
 */
const MEASURED = `
ollama-js streamed                     | ✓ | ✓msg   | ~err   | ~err    | ✓msg
ollama-js whole                        | ✓ | ~err   | ~err   | –       | ✓msg
langchain-js streamed                  | ✓ | ✓msg   | ~err   | ~err    | ✓msg
langchain-js whole                     | ✓ | ✓msg   | ~err   | ~err    | ✓msg
ollama-ai-provider-v2 streamed         | ✓ | ~err   | ~err   | ✗silent | status×3
ollama-ai-provider-v2 whole            | ✓ | ~err×3 | ~err×3 | –       | status×3
ai-sdk-ollama streamed                 | ✓ | ✓msg   | ~err   | ~err    | ✓msg
ai-sdk-ollama whole                    | ✓ | ~err   | ~err   | –       | ✓msg
@ai-sdk/openai-compatible streamed     | ✓ | ~err   | ~err   | ~err    | ✓msg×3
@ai-sdk/openai-compatible whole        | ✓ | ~err×3 | ~err×3 | –       | ✓msg×3
openai streamed                        | ✓ | ✓msg   | ~err   | ✗silent | ✓msg×3
openai whole                           | ✓ | ~err   | ~err   | –       | ✓msg×3
anthropic streamed                     | ✓ | ✓msg   | ~err   | ✗silent | ✓msg×3
anthropic whole                        | ✓ | ~err   | ~err   | –       | ✓msg×3
ollama-py streamed                     | ✓ | ✓msg   | ~err   | ✗silent | ✓msg
ollama-py whole                        | ✓ | ~err   | ~err   | –       | ✓msg
langchain-py streamed                  | ✓ | ✓msg   | ~err   | ✗silent | ✓msg
langchain-py whole                     | ✓ | ✓msg   | ~err   | ✗silent | ✓msg
llama-index streamed                   | ✓ | ✓msg   | ~err   | ✗silent | ✓msg
llama-index whole                      | ✓ | ~err   | ~err   | –       | ✓msg
litellm streamed                       | ✓ | ✓msg   | ~err   | ✗silent | ✓msg
litellm whole                          | ✓ | ~err   | ~err   | –       | ✓msg
openai-py streamed                     | ✓ | ✓msg   | ~err   | ✗silent | ✓msg×3
openai-py whole                        | ✓ | ~err×3 | ~err×3 | –       | ✓msg×3
ollama command line streamed           | ✓ | ✓msg   | ✗silent | ✗silent | ✓msg
`

const COLUMNS = ['kept alive', 'record and cut', 'cut', 'unmarked end', 'busy'] as const

export type BaselineColumn = (typeof COLUMNS)[number]

/** By client mode and column. */
export const BASELINE: ReadonlyMap<string, string> = new Map(
  MEASURED.trim()
    .split('\n')
    .flatMap((line) => {
      const [way = '', ...cells] = line.split('|').map((cell) => cell.trim())
      return cells.map((cell, index) => [`${way}: ${COLUMNS[index]}`, cell] as const)
    })
    .filter(([, cell]) => cell !== '–'),
)
