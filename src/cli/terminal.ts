// Owns how things look on a terminal: tables, ages, sizes, colour. Whatever came from outside goes through `printable`
// first, because a model's name may hold an escape sequence.

import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** Colour where stdout is a terminal and nobody objects (NO_COLOR, FORCE_COLOR, TERM=dumb: Node looks at them). */
export const styled = (style: Style, text: string): string => styleText(style, text)

// Control characters, and those that reorder or hide what stands beside them.
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/gu

/** Shows what would otherwise act on the terminal: an escape is `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** One JSON document, for programs, harmless on a terminal too. */
export function jsonText(document: unknown): string {
  // JSON leaves C1 controls as they are; some terminals act on them.
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(document, null, 2).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escaped)
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

/** 80 in a pipe, and on a terminal that does not know (a serial line says 0); below 40 lines rather wrap than vanish. */
export function terminalWidth(columns: number | undefined = process.stdout.columns): number {
  return Math.max(columns === undefined || columns === 0 ? 80 : columns, 40)
}

export interface Column {
  readonly heading: string
  readonly align?: 'right'
  /** Gives way when the table is too wide. One column at most. */
  readonly shrinks?: true
}

/** Rows under their headings, two spaces apart, not wider than `width` as long as the shrinking column can give way. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const all = [columns.map(({ heading }) => heading), ...rows]
  const widths = columns.map((_, index) => Math.max(...all.map((row) => lengthOf(row[index] ?? ''))))
  const surplus = widths.reduce((sum, own) => sum + own + 2, -2) - width
  const shrinking = columns.findIndex(({ shrinks }) => shrinks)
  if (surplus > 0 && shrinking >= 0) widths[shrinking] = Math.max(8, (widths[shrinking] ?? 0) - surplus)
  return all.map((row) =>
    columns
      .map(({ align }, index) => {
        const room = widths[index] ?? 0
        const cell = cut(row[index] ?? '', room)
        const padding = ' '.repeat(room - lengthOf(cell))
        return align === 'right' ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd(),
  )
}

const lengthOf = (text: string): number => [...text].length

export function cut(text: string, room: number): string {
  const characters = [...text]
  return characters.length <= room ? text : `${characters.slice(0, Math.max(0, room - 1)).join('')}…`
}
