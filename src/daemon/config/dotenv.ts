// Parser of `.env` files: Node's own parser, and a check for lines that it skips or cuts without a warning. It reports
// only line numbers, never the text: any line may contain a secret.

import { parseEnv } from 'node:util'

export interface Remark {
  readonly line: number
  readonly text: string
  /** The line is about a foreman variable, so its value would differ from what is written. */
  readonly serious: boolean
}

export interface Dotenv {
  readonly values: Readonly<Record<string, string | undefined>>
  readonly remarks: readonly Remark[]
}

export function readDotenv(text: string): Dotenv {
  // With the BOM the first name would be wrong (Node 26 keeps it).
  const plain = text.replace(/^\uFEFF/, '')
  return { values: parseEnv(plain), remarks: remarksOn(plain.split(/\r?\n/)) }
}

function remarksOn(lines: readonly string[]): Remark[] {
  const remarks: Remark[] = []
  const seen = new Map<string, number>()
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]?.trim() ?? ''
    if (line === '' || line.startsWith('#')) continue
    const at = index + 1
    const remark = (text: string, serious = line.includes('FOREMAN_')): void => {
      remarks.push({ line: at, text, serious })
    }
    // Node drops a carriage return inside a line and joins the text on both sides.
    if (line.includes('\r')) {
      remark('contains a carriage return inside the line')
      continue
    }
    const [, name, rest] = /^(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$/.exec(line) ?? []
    if (name === undefined || rest === undefined) {
      remark('is not understood: write NAME=value')
      continue
    }
    const earlier = seen.get(name)
    if (earlier !== undefined) remark(`sets ${name} again (already set in line ${earlier}): the last one counts`, false)
    seen.set(name, at)
    const quote = /^["'`]/.exec(rest)?.[0]
    if (quote === undefined) {
      if (/[^\s]#/.test(rest)) remark('contains a # that would cut the value: put the value in quotes')
      continue
    }
    const end = closingLine(lines, index, rest, quote)
    if (end === null) {
      remark(`opens a quote (${quote}) that is never closed`)
      break
    }
    if (!/^\s*(#.*)?$/.test(end.tail)) remark('has text after its closing quote')
    index = end.index
  }
  return remarks
}

/** Returns where the quote that `rest` opens is closed, and the text after it. Quoted values may span lines. */
function closingLine(
  lines: readonly string[],
  start: number,
  rest: string,
  quote: string,
): { index: number; tail: string } | null {
  for (let index = start; index < lines.length; index++) {
    const text = index === start ? rest.slice(1) : (lines[index] ?? '')
    const at = text.indexOf(quote)
    if (at >= 0) return { index, tail: text.slice(at + 1) }
  }
  return null
}
