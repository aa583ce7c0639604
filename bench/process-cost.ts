// Owns what a process has cost so far, read from /proc: CPU seconds and memory. Only Linux has that; elsewhere it says
// NaN, which the tables show as a dash.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

let ticks: number | null = null

/** Clock ticks a second, the unit of /proc/PID/stat. */
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

/** The process and its children: nginx works in one. */
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
    // The name in brackets may hold spaces; utime and stime are the 12th and 13th words behind it.
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

/** The most it ever was, in MiB. */
export const peakMiB = (pid: number): number => memory(pid, 'VmHWM')
