// CPU seconds and memory of a process, read from /proc. Only Linux has that; elsewhere the values are NaN, which the
// tables show as a dash.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

let ticks: number | null = null

/** Clock ticks per second, the unit of /proc/PID/stat. */
function ticksPerSecond(): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return ticks
}

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

/** The process and its children, because nginx works in a child. */
function family(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ').filter(Boolean).map(Number) ?? []
  return [pid, ...children.flatMap(family)]
}

/** User and system time of all threads of the process and its children, in seconds. */
export function cpuSeconds(pid: number): number {
  let total = 0
  for (const one of family(pid)) {
    const stat = read(`/proc/${one}/stat`)
    if (stat === null) return Number.NaN
    // The name in brackets may contain spaces; utime and stime are the 12th and 13th fields after it.
    const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    total += (Number(words[11]) + Number(words[12])) / ticksPerSecond()
  }
  return total
}

function memory(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const line = read(`/proc/${pid}/status`)?.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))
  return line === null || line === undefined ? Number.NaN : Number(line[1]) / 1024
}

/** Resident memory in MiB. */
export const residentMiB = (pid: number): number => memory(pid, 'VmRSS')

/** Peak resident memory in MiB. */
export const peakMiB = (pid: number): number => memory(pid, 'VmHWM')
