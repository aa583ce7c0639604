import { describe, expect, it } from 'vitest'
import { KEYS } from '../../src/daemon/config/options.ts'
import { loaded, problems, TARGET } from './sources.ts'

describe('a setting', () => {
  const everywhere = {
    flags: { FOREMAN_DB: 'flag.db' } as Record<string, string>,
    env: { ...TARGET, FOREMAN_DB: 'env.db' } as Record<string, string>,
    dotenv: 'FOREMAN_DB=dotenv.db',
  }
  const dbOf = (layers: Parameters<typeof loaded>[0]) => {
    const { config, settings } = loaded(layers)
    return [config.db, settings.find(({ name }) => name === 'FOREMAN_DB')?.origin]
  }

  it('is taken from the flag, then the environment, then .env, then the default', () => {
    expect(dbOf(everywhere)).toEqual(['flag.db', 'flag'])
    expect(dbOf({ ...everywhere, flags: {} })).toEqual(['env.db', 'environment'])
    expect(dbOf({ dotenv: everywhere.dotenv })).toEqual(['dotenv.db', '.env'])
    expect(dbOf({})).toEqual(['foreman.db', 'default'])
  })

  it('that is empty in one layer is taken from the next', () => {
    expect(dbOf({ ...everywhere, flags: {}, env: { ...TARGET, FOREMAN_DB: ' ' } })).toEqual(['dotenv.db', '.env'])
    expect(dbOf({ env: TARGET, dotenv: 'FOREMAN_DB=' })).toEqual(['foreman.db', 'default'])
  })

  it('that is empty on the command line is an error, because the user typed it', () => {
    expect(problems({ flags: { FOREMAN_DB: '' } })).toEqual([expect.stringContaining('FOREMAN_DB= (--db) is empty')])
  })

  it('may have surrounding white space', () => {
    expect(loaded({ env: { ...TARGET, FOREMAN_ADDR: ' :9090 ' } }).config.addr).toEqual({ host: '', port: 9090 })
  })

  it('is listed with its value and origin', () => {
    const { settings } = loaded()
    expect(settings).toHaveLength(KEYS.length)
    expect(settings).toContainEqual({ name: 'FOREMAN_HEARTBEAT', value: '10s', origin: 'default' })
    expect(settings).toContainEqual({ name: 'FOREMAN_EMBED_MODEL', value: null, origin: 'unset' })
  })
})

describe('configuration errors', () => {
  it('are reported together, each with variable, value and allowed values', () => {
    const found = problems({
      env: { FOREMAN_POLL_INTERVAL: '5', FOREMAN_MAX_BODY: '10MB', FOREMAN_LOG_LEVEL: 'loud' },
      flags: { FOREMAN_ADDR: '8080' },
      dotenv: 'FOREMAN_MAX_QUEUE=0',
    })
    expect(found).toEqual([
      expect.stringMatching(/^FOREMAN_OLLAMA_URL is required/),
      'FOREMAN_POLL_INTERVAL=5 has no unit (did you mean 5s?); allowed: a duration from 10ms to 576h',
      expect.stringMatching(/^FOREMAN_ADDR=8080 \(--addr\) has no colon.*allowed: host:port/),
      'FOREMAN_MAX_BODY=10MB has an unknown unit (did you mean 10MiB?); allowed: a size from 1KiB to 256MiB',
      'FOREMAN_MAX_QUEUE=0 (.env) is too small; allowed: a whole number from 1 to 10000000',
      expect.stringMatching(/^FOREMAN_LOG_LEVEL=loud is not allowed; allowed: one of trace/),
    ])
  })

  it('never show a secret, or the credentials or query of a URL', () => {
    const found = problems({
      env: {
        FOREMAN_OLLAMA_URL: 'http://user:hunter2/x@mac.local',
        FOREMAN_PUBLIC_URL: 'https://gpu.example.org/?key=hunter2',
        FOREMAN_TOKEN: 'hunter2 with spaces',
        FOREMAN_OLLAMA_TOKEN: 'hunter2\nmore',
        FOREMAN_WEBHOOK_SECRET: 'fine,whsec_hunter2!',
      },
    })
    expect(found).toHaveLength(5)
    expect(found.join('\n')).not.toContain('hunter2')
    expect(found).toContainEqual(expect.stringContaining('http://***@mac.local'))
  })

  it('name the setting for credentials in a target URL', () => {
    const [found = ''] = problems({ env: { FOREMAN_OLLAMA_URL: 'http://user:hunter2@mac.local' } })
    expect(found).toContain('FOREMAN_OLLAMA_BASIC')
    expect(found).not.toContain('hunter2')
  })

  it('cut a very long value', () => {
    const [found = ''] = problems({ env: { ...TARGET, FOREMAN_LOG_LEVEL: 'x'.repeat(10_000) } })
    expect(found.length).toBeLessThan(500)
  })
})

describe('a secret', () => {
  const file = (content: string) => ({ readFile: () => content })
  const fromFile = { env: { ...TARGET, FOREMAN_TOKEN_FILE: '/run/secrets/token' } }

  it('is read from its file without the last line break', () => {
    expect(loaded({ ...fromFile, ...file('s3cret\n') }).config.token).toBe('s3cret')
    expect(loaded({ ...fromFile, ...file('s3cret\r\n') }).config.token).toBe('s3cret')
    expect(loaded({ ...fromFile, ...file('s3cret') }).config.token).toBe('s3cret')
  })

  it('with more than one line break in its file is an error', () => {
    expect(problems({ ...fromFile, ...file('s3cret\n\n') })).toEqual([expect.stringContaining('line break')])
  })

  it('is an error if its file is empty or cannot be read', () => {
    expect(problems({ ...fromFile, ...file('\n') })).toEqual(['FOREMAN_TOKEN_FILE=/run/secrets/token is an empty file'])
    expect(problems(fromFile)).toEqual([
      expect.stringMatching(/cannot be read: no such file or directory; check the path$/),
    ])
  })

  it('is an error if it is set twice', () => {
    const both = /FOREMAN_TOKEN and FOREMAN_TOKEN_FILE are both set/
    expect(problems({ env: { ...fromFile.env, FOREMAN_TOKEN: 'x' } })).toEqual([expect.stringMatching(both)])
    expect(problems({ ...fromFile, dotenv: 'FOREMAN_TOKEN=x' })).toEqual([expect.stringMatching(both)])
  })

  it('is an error if it is set but empty, because the daemon would be open', () => {
    for (const name of [
      'FOREMAN_TOKEN',
      'FOREMAN_TOKEN_FILE',
      'FOREMAN_OLLAMA_TOKEN',
      'FOREMAN_OLLAMA_BASIC',
      'FOREMAN_WEBHOOK_SECRET',
    ]) {
      expect(problems({ env: { ...TARGET, [name]: '' } })).toEqual([
        expect.stringContaining(`${name} is set but empty`),
      ])
    }
  })

  it('is only shown as set', () => {
    const { settings } = loaded({ ...fromFile, ...file('s3cret') })
    expect(settings).toContainEqual({ name: 'FOREMAN_TOKEN', value: '********', origin: 'file' })
    expect(JSON.stringify(settings)).not.toContain('s3cret')
  })

  it('has no flag', () => {
    expect(loaded({ flags: { FOREMAN_TOKEN: 'x' } }).config.token).toBeNull()
  })
})

describe('an unknown variable', () => {
  const warningsFor = (name: string) => loaded({ env: { ...TARGET, [name]: 'x' } }).warnings

  it('causes a warning with the nearest known name', () => {
    expect(warningsFor('FOREMAN_POL_INTERVAL')).toEqual([
      expect.stringContaining('did you mean FOREMAN_POLL_INTERVAL?'),
    ])
    expect(warningsFor('FOREMAN_OLLAMAURL')).toEqual([expect.stringContaining('did you mean FOREMAN_OLLAMA_URL?')])
    expect(warningsFor('FOREMAN_PORT')).toEqual([expect.stringContaining('did you mean FOREMAN_ADDR?')])
    expect(warningsFor('foreman_tokne')).toEqual([expect.stringContaining('did you mean FOREMAN_TOKEN?')])
    expect(warningsFor('FOREMAN_SOMETHING_ELSE')).toEqual([expect.stringMatching(/is ignored$/)])
  })

  it('in .env causes a warning too, once', () => {
    const { warnings } = loaded({ env: { ...TARGET, FOREMAN_NEW: '1' }, dotenv: 'FOREMAN_NEW=2\nOTHER=3' })
    expect(warnings).toHaveLength(1)
  })

  it('is not read by the other commands', () => {
    expect(warningsFor('FOREMAN_URL')).toEqual([])
    expect(warningsFor('FOREMANLIKE')).toEqual([])
  })
})

describe('a .env file', () => {
  it('that cannot be read is an error, because it may contain the token', () => {
    expect(problems({ dotenv: { unreadable: 'permission denied' } })).toEqual([
      '.env cannot be read: permission denied',
    ])
  })

  it('with a foreman line that is not an assignment is an error', () => {
    expect(problems({ dotenv: '# fine\nFOREMAN_TOKEN: x\n' })).toEqual([
      '.env line 2 is not understood: write NAME=value',
    ])
    expect(loaded({ dotenv: 'some words\n' }).warnings).toEqual([])
  })
})
