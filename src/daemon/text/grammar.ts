// Grammars of plain values such as durations and sizes, each with its range in words. A parser never throws. It refuses a value
// that is not exactly right, with the reason and, if it is clear, the correction.

export type Parsed<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'refused'; readonly why: string }

export interface Parser<T> {
  /** One word for the help: `--poll-interval <duration>`. */
  readonly noun: string
  /** What is allowed, as the end of a sentence. */
  readonly allowed: string
  /** The allowed words, if the value is one of several. */
  readonly words?: readonly string[]
  parse(text: string): Parsed<T>
}

export const value = <T>(it: T): Parsed<T> => ({ kind: 'value', value: it })
export const refused = <T>(why: string): Parsed<T> => ({ kind: 'refused', why })

/** Removes the backquotes of Markdown. */
export const plain = (text: string): string => text.replaceAll('`', '')

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const BYTES = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** A timer of Node holds at most 24.8 days; a longer one would fire at once. */
export const MAX_DURATION_MS = 24 * 24 * MS.h

/** Writes milliseconds in the largest unit that divides them: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0'
  for (const [unit, factor] of Object.entries(MS).reverse()) if (ms % factor === 0) return `${ms / factor}${unit}`
  return `${ms}ms`
}

/** Writes bytes in the largest unit that divides them: 65536 is `64KiB`. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of Object.entries(BYTES).reverse()) {
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes}`
}

/** Writes bytes for a sentence: `64MiB`, `1000 bytes`. */
export function sizeText(bytes: number): string {
  const text = formatSize(bytes)
  return /\d$/.test(text) ? `${text} bytes` : text
}

interface Range {
  readonly min: number
  readonly max: number
  /** Meaning of `0`. If absent, 0 is not allowed unless `min` is 0. */
  readonly zero?: string
}

/** @param read returns the quantity, or what is wrong with the text */
function quantity(
  noun: 'duration' | 'size',
  format: (quantity: number) => string,
  read: (text: string) => number | string,
  [low, high]: readonly [string, string],
  { min, max, zero }: Range,
): Parser<number> {
  const range = `a ${noun} from ${format(min)} to ${format(max)}`
  return {
    noun,
    allowed: zero === undefined ? range : `${range}, or 0 = ${zero}`,
    parse(text) {
      const quantity = read(text)
      if (typeof quantity === 'string') return refused(quantity)
      if (quantity === 0 && zero !== undefined) return value(0)
      if (quantity < min) return refused(`is too ${low}`)
      return quantity > max ? refused(`is too ${high}`) : value(quantity)
    },
  }
}

export const duration = (range: Range): Parser<number> =>
  quantity('duration', formatDuration, readDuration, ['short', 'long'], range)

export const size = (range: Range): Parser<number> => quantity('size', formatSize, readSize, ['small', 'large'], range)

function readDuration(text: string): number | string {
  const [, digits, unit] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? []
  if (digits === undefined) return whyNoDuration(text)
  if (unit === undefined && !/^0+$/.test(digits)) return `has no unit (did you mean ${digits}s?)`
  return Number(digits) * MS[(unit ?? 'ms') as keyof typeof MS]
}

function whyNoDuration(text: string): string {
  if (/^-/.test(text)) return 'is negative'
  const days = /^(\d+)d$/.exec(text)?.[1]
  if (days !== undefined) return `has an unknown unit (did you mean ${Number(days) * 24}h?)`
  return 'is not a whole number followed by ms, s, m or h, such as 500ms, 30s, 5m or 24h'
}

function readSize(text: string): number | string {
  const [, digits, unit] = /^(\d+)(KiB|MiB|GiB|TiB)?$/.exec(text) ?? []
  return digits === undefined ? whyNoSize(text) : Number(digits) * BYTES[(unit ?? '') as keyof typeof BYTES]
}

function whyNoSize(text: string): string {
  if (/^-/.test(text)) return 'is negative'
  const [, digits, letter] = /^(\d+)\s*([kmgt])i?b?$/i.exec(text) ?? []
  if (digits !== undefined && letter !== undefined) {
    return `has an unknown unit (did you mean ${digits}${letter.toUpperCase()}iB?)`
  }
  return 'is not a whole number of bytes, or one followed by KiB, MiB, GiB or TiB, such as 64KiB or 100MiB'
}

export function integer(min: number, max: number): Parser<number> {
  return {
    noun: 'number',
    allowed: `a whole number from ${min} to ${max}`,
    parse(text) {
      if (!/^-?\d+$/.test(text)) return refused('is not a whole number')
      const number = Number(text)
      if (number < min) return refused('is too small')
      return number > max ? refused('is too large') : value(number)
    },
  }
}

export const yesOrNo: Parser<boolean> = {
  noun: 'true|false',
  allowed: '`true` or `false`',
  words: ['true', 'false'],
  parse(text) {
    if (text === 'true' || text === '1') return value(true)
    if (text === 'false' || text === '0') return value(false)
    return refused('is neither true nor false')
  },
}

export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  return {
    noun: 'word',
    allowed: `one of ${words.map((word) => `\`${word}\``).join(', ')}`,
    words,
    parse(text) {
      const word = words.find((candidate) => candidate === text)
      return word === undefined ? refused('is not allowed') : value(word)
    },
  }
}

/** A name or path that is checked elsewhere: any text without control characters. */
export function text(
  noun: string,
  allowed: string,
  refuse: (text: string) => string | null = () => null,
): Parser<string> {
  return {
    noun,
    allowed,
    parse(raw) {
      const why = raw === '' ? 'is empty' : /\p{Cc}/u.test(raw) ? 'holds a control character' : refuse(raw)
      return why === null ? value(raw) : refused(why)
    },
  }
}

/** A comma-separated list. Each item must be valid; the first invalid one is named. */
export function list<T>(item: Parser<T>): Parser<readonly T[]> {
  return {
    noun: 'list',
    allowed: `a comma-separated list, each ${item.allowed}`,
    parse(raw) {
      const items: T[] = []
      for (const part of raw.split(',').map((piece) => piece.trim())) {
        if (part === '') return refused('has an empty item')
        const parsed = item.parse(part)
        if (parsed.kind === 'refused') return refused(`has an item "${part}" that ${parsed.why}`)
        items.push(parsed.value)
      }
      return value(items)
    },
  }
}

/** The same grammar for a setting that may be absent. */
export const optional = <T>(parser: Parser<T>): Parser<T | null> => parser

const GO_UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])

/** Returns the nanoseconds of a duration as Go's time.ParseDuration reads it, or null if it is invalid. */
export function goDuration(text: string): bigint | null {
  let rest = /^[+-]/.test(text) ? text.slice(1) : text
  if (rest === '0') return 0n
  if (rest === '') return null
  let total = 0n
  while (rest !== '') {
    const [all = '', whole = '', fraction = '', name = ''] = /^(\d*)(?:\.(\d*))?([^.\d]*)/.exec(rest) ?? []
    const unit = GO_UNITS.get(name)
    if ((whole === '' && fraction === '') || unit === undefined) return null
    rest = rest.slice(all.length)
    // Go drops what is below a nanosecond. 18 digits are more than the largest unit has.
    const kept = fraction.slice(0, 18)
    total += BigInt(whole) * unit + (BigInt(kept) * unit) / 10n ** BigInt(kept.length)
  }
  return text.startsWith('-') ? -total : total
}

/**
 * `keep_alive` as Ollama reads it from JSON: a Go duration. OLLAMA_KEEP_ALIVE reads a bare number as seconds, but as a text in a
 * request it would be a 400, so it gets its unit here.
 */
export const keepAlive: Parser<string | null> = {
  noun: 'duration',
  allowed: "one of Ollama's durations (`30m`, `1h30m`, `90` = seconds), or `none`",
  parse(raw) {
    if (raw === 'none') return value(null)
    if (/^-/.test(raw)) {
      return refused(
        'never ends, so workers would push out the pinned embedder (use none, and OLLAMA_KEEP_ALIVE at the target)',
      )
    }
    const text = /^\d+$/.test(raw) ? `${raw}s` : raw
    const nanoseconds = goDuration(text)
    if (nanoseconds === null) return refused('is not a duration that Ollama understands')
    // More than ten years, though Go would take 292, is a mistake.
    return nanoseconds > 10n * 366n * 24n * 3_600_000_000_000n ? refused('is longer than ten years') : value(text)
  },
}
