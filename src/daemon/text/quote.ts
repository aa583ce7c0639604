// Quoting of a caller's text in an error: bounded, and without characters that a terminal or a log would act on.

const MAX_QUOTED_CHARS = 40

/** Returns the text in quotes. Of a longer one, the first 40 characters and an ellipsis. */
export function quoteForError(text: string): string {
  // Cut in code units first: to split a long text into characters is slow.
  const characters = [...text.slice(0, 2 * MAX_QUOTED_CHARS + 2)]
  const shown = characters.slice(0, MAX_QUOTED_CHARS)
  const quoted = JSON.stringify(shown.map((char) => (/[\p{L}\p{N}\p{P}\p{S} ]/u.test(char) ? char : '\ufffd')).join(''))
  return characters.length > MAX_QUOTED_CHARS ? `${quoted}…` : quoted
}
