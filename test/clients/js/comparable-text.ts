// Values that may differ between two runs of one client against the same model: times, durations, random ids and the address.
// Every entry needs a reason.

interface Exception {
  readonly what: string
  readonly find: RegExp
  readonly put: string
}

const MAY_DIFFER: readonly Exception[] = [
  { what: 'when', find: /"(created_at|expires_at|modified_at)":"[^"]*"/g, put: '"$1":"<time>"' },
  { what: 'when, in seconds', find: /"(created|created_at|completed_at)":\d+/g, put: '"$1":<seconds>' },
  {
    what: 'how long it took',
    find: /"(total_duration|load_duration|prompt_eval_duration|eval_duration)":\d+/g,
    put: '"$1":<nanoseconds>',
  },
  {
    what: 'ids that Ollama draws',
    find: /\b((?:chatcmpl|cmpl)-|(?:resp|msg|fc|rs|call|toolu|req)_)[0-9a-zA-Z]+/g,
    put: '$1<id>',
  },
  {
    what: 'how much of the prompt came from the cache (since 0.34): the second of two same calls has more of it',
    find: /"(prompt_eval_cached_count|input_tokens|inputTokens|cached_tokens|cache_read_input_tokens|cachedInputTokens|cacheRead|noCache|cacheReadTokens|noCacheTokens)":\d+/g,
    put: '"$1":<tokens>',
  },
  { what: 'ids that clients draw', find: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, put: '<uuid>' },
  { what: 'ids that the AI SDK draws', find: /"(id|toolCallId)":"[0-9a-zA-Z]{16}"/g, put: '"$1":"<id>"' },
  { what: 'the server that was asked', find: /127\.0\.0\.1:\d+/g, put: '<server>' },
]

/** Returns a client's result as text without these values. */
export function comparableText(given: unknown): string {
  let text = JSON.stringify(given, null, 1) ?? 'nothing'
  text = text.replace(/": /g, '":')
  for (const { find, put } of MAY_DIFFER) text = text.replace(find, put)
  return text
}
