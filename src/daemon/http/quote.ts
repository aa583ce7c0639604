// Quoting of a caller's text in an error: bounded, and without characters that a terminal or a log would act on.

const MAX_SHOWN = 40

export function quoteForError(text: string): string {
  // Cut in code units first: to split a long text into characters is slow.
  const characters = [...text.slice(0, 2 * MAX_SHOWN)].slice(0, MAX_SHOWN)
  return JSON.stringify(characters.map((char) => (/[\p{L}\p{N}\p{P}\p{S} ]/u.test(char) ? char : '\ufffd')).join(''))
}
