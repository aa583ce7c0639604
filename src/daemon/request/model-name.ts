// Grammar of model names that Ollama accepts. Pure. Facts: types/model/name.go ParseName and IsValid of 0.17.4. Since 0.17.8
// the name is trimmed and may say where the model is (`x:local`, `x:cloud`, `x:20b-cloud`).

export type ModelName =
  | { readonly kind: 'valid' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'invalid' }
  /** The name has two sources. The message is Ollama's. */
  | { readonly kind: 'conflicting'; readonly message: string }

const MAX_HOST_CHARS = 350
const MAX_PART_CHARS = 80

const FIRST = '[A-Za-z0-9_]'
const HOST = new RegExp(`^${FIRST}[A-Za-z0-9_.:-]*$`)
const NAMESPACE = new RegExp(`^${FIRST}[A-Za-z0-9_-]*$`)
const PART = new RegExp(`^${FIRST}[A-Za-z0-9_.-]*$`)

const fits = (part: string, pattern: RegExp, longest: number): boolean => part.length <= longest && pattern.test(part)

/** Returns the text before and behind the last `separator`, or null without one. */
function cutLast(text: string, separator: string): [before: string, behind: string] | null {
  const at = text.lastIndexOf(separator)
  return at < 0 ? null : [text.slice(0, at), text.slice(at + 1)]
}

function isValidName(name: string): boolean {
  let rest = name
  if (rest.lastIndexOf(':') > rest.lastIndexOf('/')) {
    const [before, tag] = cutLast(rest, ':') ?? ['', '']
    if (!fits(tag, PART, MAX_PART_CHARS)) return false
    rest = before
  }
  const model = cutLast(rest, '/')
  if (!fits(model?.[1] ?? rest, PART, MAX_PART_CHARS)) return false
  if (model === null) return true
  const namespace = cutLast(model[0], '/')
  if (!fits(namespace?.[1] ?? model[0], NAMESPACE, MAX_PART_CHARS)) return false
  if (namespace === null) return true
  // Ollama ignores the scheme before the host too.
  const scheme = namespace[0].indexOf('://')
  return fits(scheme < 0 ? namespace[0] : namespace[0].slice(scheme + 3), HOST, MAX_HOST_CHARS)
}

/** Returns the name without its source, or null if it has none. */
function withoutSource(name: string): string | null {
  const cut = cutLast(name, ':')
  if (cut === null) return null
  const suffix = cut[1].trim()
  if (/^(cloud|local)$/i.test(suffix)) return cut[0]
  return !suffix.includes('/') && /-cloud$/i.test(suffix) ? `${cut[0]}:${suffix.slice(0, -'-cloud'.length)}` : null
}

/** Returns a name without a slash as Ollama writes it: without its source, with its tag (types/model/name.go DisplayShortest). */
export function taggedName(model: string): string {
  const name = model.trim()
  const base = withoutSource(name) ?? name
  return base.includes(':') ? base : `${base}:latest`
}

/** Reads `model` as Ollama of 0.17.8 or newer (`sources`) or an older one does. */
export function readModelName(model: string, sources: boolean): ModelName {
  if (model === '') return { kind: 'empty' }
  if (!sources) return { kind: isValidName(model) ? 'valid' : 'invalid' }
  const name = model.trim()
  if (name === '') return { kind: 'empty' }
  const base = withoutSource(name)
  if (base !== null && withoutSource(base) !== null) {
    return { kind: 'conflicting', message: `use either :local or :cloud, not both: ${JSON.stringify(name)}` }
  }
  return { kind: isValidName(base ?? name) ? 'valid' : 'invalid' }
}
