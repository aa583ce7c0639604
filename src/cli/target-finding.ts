// Check whether Ollama answers, for `foreman config check --target`. It sends the same request as the daemon's probe.

import type { Config } from '../daemon/config/options.ts'
import { jsonObject } from '../daemon/text/json.ts'
import type { Finding } from './config-check.ts'

const TIMEOUT_MS = 5_000

export async function targetFinding(
  config: Pick<Config, 'ollamaUrl' | 'ollamaToken' | 'ollamaBasic'>,
): Promise<Finding> {
  const { ollamaUrl: url } = config
  const wrong = (found: string, cure: string): Finding => ({
    about: 'target',
    found: `${url} ${found}`,
    problem: `FOREMAN_OLLAMA_URL=${url}: it ${found}: ${cure}`,
  })
  try {
    const response = await fetch(`${url}/api/version`, {
      headers: authorization(config),
      // A redirect would carry the credentials to an address that is not in the settings.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const version = versionIn(await response.text())
    if (response.ok && version !== null) {
      return { about: 'target', found: `${url} is Ollama ${version}`, problem: null }
    }
    const found = `answers GET /api/version with ${response.status}${response.ok ? ', but without a version' : ''}`
    return response.status === 401 || response.status === 403
      ? wrong(found, 'set FOREMAN_OLLAMA_TOKEN or FOREMAN_OLLAMA_BASIC to its credentials')
      : wrong(found, 'set FOREMAN_OLLAMA_URL to the address of an Ollama server')
  } catch (error) {
    const cure = 'start Ollama there, or set FOREMAN_OLLAMA_URL to the address where it listens'
    return wrong(`does not answer (${reasonOf(error)})`, cure)
  }
}

function authorization({
  ollamaToken,
  ollamaBasic,
}: Pick<Config, 'ollamaToken' | 'ollamaBasic'>): Record<string, string> {
  if (ollamaBasic !== null) return { authorization: `Basic ${Buffer.from(ollamaBasic).toString('base64')}` }
  return ollamaToken === null ? {} : { authorization: `Bearer ${ollamaToken}` }
}

function versionIn(text: string): string | null {
  const version = jsonObject(text)?.['version']
  return typeof version === 'string' ? version : null
}

/** fetch hides the reason in `cause`, one for each address of a name. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `within ${TIMEOUT_MS / 1000} s`
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error instanceof Error && error.cause !== undefined) return reasonOf(error.cause)
  return error instanceof Error ? error.message : String(error)
}
