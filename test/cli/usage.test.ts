// Usage errors: exit code 2 and usage on stderr, before any request is sent or file is opened.

import { describe, expect, it } from 'vitest'
import { runHere } from './here.ts'

describe('a mistyped command line', () => {
  it.each([
    [['sevre'], 'Did you mean serve?'],
    [['ps', '--jsn'], 'Did you mean --json?'],
    [['serve', '--ollama-ulr', 'x'], 'Did you mean --ollama-url?'],
    [['ps', 'extra'], 'too many arguments'],
    [['ps', '--timeout', '5'], 'did you mean 5s?'],
    [['serve', '--db'], 'argument missing'],
    [['serve', '--token', 'x'], 'set FOREMAN_TOKEN or FOREMAN_TOKEN_FILE'],
    [['ps', '--token', 'x'], 'set FOREMAN_TOKEN or FOREMAN_TOKEN_FILE'],
    [[], 'Usage: foreman'],
    [['--'], 'Usage: foreman'],
  ])('%j exits with 2 and a hint', async (args, hint) => {
    const { code, stdout, stderr } = await runHere(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(hint)
  })

  it.each([['--help'], ['help'], ['serve', '--help'], ['ps', '-h'], ['help', 'config']])(
    '%s %s is not an error',
    async (...args) => {
      const { code, stdout, stderr } = await runHere(args.filter((arg) => arg !== undefined))
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('Examples:')
      expect(stdout.indexOf('Examples:')).toBeLessThan(stdout.indexOf('Usage:'))
    },
  )
})
