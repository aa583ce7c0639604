// Command line on a pseudo-terminal of 80×24: its output, and keys that a test presses. It needs `script` (util-linux); without it the
// tests are skipped visibly.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { Command, type CommandOptions, emptyDirectory } from './command-line.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

export const hasScript = /util-linux/.test(String(spawnSync('script', ['--version']).stdout))

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/**
 * `stdin`: text for the command's stdin; its keys still come from the terminal. `into`: a program on the same terminal that
 * reads the command's stdout.
 */
export function onTerminal(
  args: readonly string[],
  { env = {}, stdin, into }: CommandOptions & { stdin?: string; into?: string } = {},
) {
  const cwd = emptyDirectory(stdin === undefined ? {} : { stdin })
  const command = [process.execPath, MAIN, ...args].map(quoted).join(' ')
  // Without `exec` the shell would get Ctrl-C too, and always end with 130.
  const redirected = `${stdin === undefined ? '' : ' <stdin'}${into === undefined ? '' : ` | ${into}`}`
  const line = `stty cols 80 rows 24; exec ${command}${redirected}`
  const env80 = { TERM: 'xterm-256color', ...env }
  const terminal = new Command(['-qfec', line, '/dev/null'], { cwd, env: env80, executable: 'script' })
  return {
    said: (text: string): Promise<void> => terminal.said(text),
    ended: terminal.ended,
    press: (keys: string): void => void terminal.process.stdin.write(keys),
    /** All output so far. */
    shown: (): string => terminal.stdout,
  }
}
