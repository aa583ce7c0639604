// Printed report of a bench: its method, one small table, and each goal as met or not met and by how much. Compare only
// figures of the same run.

export interface Goal {
  readonly bench: string
  readonly sentence: string
  readonly met: boolean
  readonly was: string
}

export interface Report {
  method(text: string): void
  table(head: readonly string[], rows: readonly (readonly string[])[]): void
  goal(sentence: string, met: boolean, was: string): void
  note(text: string): void
  /** Prints a line of another report and counts its goals. */
  passOn(line: string): void
}

/** A report that prints at once; goals are kept in `goals` for the summary. */
export function createReport(bench: string, goals: Goal[], print: (line: string) => void = console.log): Report {
  return {
    method(text) {
      print(`  method: ${wrap(text, 98).join('\n          ')}\n`)
    },
    table(head, rows) {
      for (const line of tableLines(head, rows)) print(`  ${line}`)
      print('')
    },
    goal(sentence, met, was) {
      goals.push({ bench, sentence, met, was })
      print(`  goal: ${sentence}: ${met ? 'met' : 'NOT MET'} (${was})`)
    },
    passOn(line) {
      const [, sentence, verdict, was] = /^ {2}goal: (.*): (met|NOT MET) \((.*)\)$/.exec(line) ?? []
      if (sentence !== undefined && was !== undefined) goals.push({ bench, sentence, met: verdict === 'met', was })
      print(line)
    },
    note(text) {
      print(`  ${wrap(text, 106).join('\n  ')}`)
    },
  }
}

function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)]
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return line === '' ? lines : [...lines, line]
}
