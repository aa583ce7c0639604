// Display width of text on a terminal, and cutting to a width.

import stringWidth from 'string-width'

/** Columns that the text takes on a terminal. Colour sequences take none. */
export const displayWidth = (text: string): number => stringWidth(text)

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour sequence starts with one.
const COLOUR = /(\x1b\[[\d;]*m)/

const GRAPHEMES = new Intl.Segmenter()

/**
 * The text, or its beginning and `…` if it takes more than `room` columns. Colour sequences after the cut stay, so that
 * colours end.
 */
export function cut(line: string, room: number): string {
  if (displayWidth(line) <= room) return line
  if (room < 1) return ''
  let width = 1
  const kept = line.split(COLOUR).flatMap((part, index) => {
    // `split` puts the sequences at the odd places.
    if (index % 2 === 1) return part
    return Array.from(GRAPHEMES.segment(part), ({ segment }) => segment).filter((segment) => {
      width += displayWidth(segment)
      return width <= room
    })
  })
  return `${kept.join('')}…`
}
