// Terminal formatting: tables, ages, sizes and colours. Text from outside must go through `printable` first, because a
// model's name may contain an escape sequence.

import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'

/** Colours text if stdout is a terminal. Node honours NO_COLOR, FORCE_COLOR and TERM=dumb. */
export const styled = (style: Style, text: string): string => styleText(style, text)

// Control characters, and characters that reorder or hide the text beside them.
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/gu

/** Replaces control characters by their code: an escape is shown as `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The same for an answer: its lines and tabs stay, and so do the joiners that Arabic and emoji need. */
export const printableLines = (text: string): string =>
  text.replaceAll('\r', '').replace(/[^\P{Cc}\n\t]/gu, (char) => printable(char))

/** One JSON document without control characters. `line` puts it on one line, for streams. */
export function jsonText(document: unknown, shape: 'indented' | 'line' = 'indented'): string {
  // JSON does not escape C1 controls, and some terminals execute them.
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(document, null, shape === 'line' ? 0 : 2).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    escaped,
  )
}

/** `850ms`, `42s`, `4m10s`, `3h05m`, `2d04h`. */
export function age(ms: number): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours}h${two(minutes % 60)}m`
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`
}

/** `512 B`, `1.4 KiB`, `9.3 GiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** The time since `iso`, or 0s if it is in the future. */
export const since = (iso: string, now: number): string => age(Math.max(0, now - Date.parse(iso)))

/** The time until `iso`, or 0s if it has passed. */
export const until = (iso: string, now: number): string => age(Math.max(0, Date.parse(iso) - now))

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour sequence starts with one.
const COLOUR = /(\x1b\[[\d;]*m)/

const GRAPHEMES = new Intl.Segmenter()

let measure: ((text: string) => number) | null = null

/** Loads string-width, whose tables take 40 ms of CPU: not for commands that draw nothing. */
export async function loadDisplayWidth(): Promise<void> {
  measure ??= (await import('string-width')).default
}

/** The columns that a text takes on a terminal. Throws before `loadDisplayWidth`. */
export function displayWidth(text: string): number {
  if (measure === null) throw new Error('loadDisplayWidth was not called')
  return measure(text)
}

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

/** 80 in a pipe, and on a terminal that reports 0 (a serial line). At least 40: narrower lines wrap. */
export function terminalWidth(columns: number | undefined = process.stdout.columns): number {
  return Math.max(columns === undefined || columns === 0 ? 80 : columns, 40)
}

export interface Column {
  readonly heading: string
  readonly align?: 'right'
  /** May be cut if the table is too wide. */
  readonly shrinks?: true
  /** Colours a cell of final width. */
  readonly paint?: (cell: string) => string
}

/** A column is not cut below this. */
const MIN_COLUMN_WIDTH = 8

/** Lines of a table: bold headings, then rows, two spaces between columns. Shrinking columns are cut to fit `width`. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const all = [columns.map(({ heading }) => heading), ...rows]
  const widths = columns.map((_, index) => all.reduce((most, row) => Math.max(most, displayWidth(row[index] ?? '')), 0))
  let surplus = widths.reduce((sum, own) => sum + own + 2, -2) - width
  // The widest is cut first, one character at a time, so that a long model does not shorten a short label.
  for (; surplus > 0; surplus--) {
    const [widest] = columns
      .flatMap(({ shrinks }, index) => (shrinks && (widths[index] ?? 0) > MIN_COLUMN_WIDTH ? [index] : []))
      .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  const [head = '', ...lines] = all.map((row, number) =>
    columns
      .map(({ align, paint }, index) => {
        const room = widths[index] ?? 0
        const cell = cut(row[index] ?? '', room)
        const padding = ' '.repeat(room - displayWidth(cell))
        const padded = align === 'right' ? padding + cell : cell + padding
        return paint === undefined || number === 0 ? padded : paint(padded)
      })
      .join('  ')
      .trimEnd(),
  )
  return [styled('bold', head), ...lines]
}
