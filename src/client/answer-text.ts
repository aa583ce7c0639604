// Assistant's text in one record of an answer, for each of Ollama's dialects. Pure. Thinking and tool calls are not text.

const at = (it: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
    it,
  )

const listAt = (it: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const list = at(it, ...path)
  return Array.isArray(list) ? list : []
}

/** Joined texts of the parts with this `type`, in a list of /v1/messages or /v1/responses; undefined if there are none. */
const joined = (parts: readonly unknown[], type: string): string | undefined => {
  const texts = parts.filter((part) => at(part, 'type') === type).map((part) => at(part, 'text'))
  return texts.length === 0 ? undefined : texts.filter((text) => typeof text === 'string').join('')
}

const TEXT_DELTAS = ['response.output_text.delta', 'transcript.text.delta']

/** Returns the assistant's text in one record (`RecordEvent.data`), or an empty string. Of several choices, the first counts. */
export function textOf(data: unknown): string {
  const type = at(data, 'type')
  if (typeof type === 'string' && TEXT_DELTAS.includes(type)) return word(at(data, 'delta'))
  if (type === 'content_block_delta')
    return at(data, 'delta', 'type') === 'text_delta' ? word(at(data, 'delta', 'text')) : ''
  // The other events of these streams repeat what the deltas had.
  if (typeof type === 'string' && type !== 'message') return ''
  return word(
    at(data, 'message', 'content') ??
      at(data, 'response') ??
      choiceText(data) ??
      joined(listAt(data, 'content'), 'text') ??
      joined(
        listAt(data, 'output').flatMap((item) => listAt(item, 'content')),
        'output_text',
      ) ??
      at(data, 'text'),
  )
}

function choiceText(data: unknown): unknown {
  const choices = listAt(data, 'choices')
  const first = choices.find((choice) => (at(choice, 'index') ?? 0) === 0)
  return at(first, 'delta', 'content') ?? at(first, 'message', 'content') ?? at(first, 'text')
}

const word = (it: unknown): string => (typeof it === 'string' ? it : '')
