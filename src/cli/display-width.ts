// Owns how many columns of a terminal a text takes: none, one or two a character. Pure. What it says is what tmux, xterm
// and the VTE terminals do; a terminal that joins emoji into one picture leaves a gap, and nothing worse.

const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u
const TWO =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u

function widthOfOne(character: string): number {
  const code = character.codePointAt(0) ?? 0
  // Nothing here takes no column: the soft hyphen is shown as a hyphen.
  if (code < 0x300) return 1
  if (NOTHING.test(character)) return 0
  return TWO.test(character) ? 2 : 1
}

export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += widthOfOne(character)
  return width
}

/** The text, or as much of its beginning as fits with a `…` behind it. */
export function cut(text: string, room: number): string {
  if (displayWidth(text) <= room) return text
  let kept = ''
  let width = 1
  for (const character of text) {
    width += widthOfOne(character)
    if (width > room) break
    kept += character
  }
  return room < 1 ? '' : `${kept}…`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are told by one.
const PARTS = /\x1b\[[\d;]*m|./gsu

/** The same of a line with colours in it, which take no room. */
export function cutColoured(line: string, room: number): string {
  const parts = line.match(PARTS) ?? []
  const widths = parts.map((part) => (part.length > 2 ? 0 : widthOfOne(part)))
  if (widths.reduce((sum, width) => sum + width, 0) <= room) return line
  let width = 1
  const kept = parts.filter((part, index) => {
    width += widths[index] ?? 0
    return part.length > 2 || width <= room
  })
  return room < 1 ? '' : `${kept.join('')}…`
}
