import { describe, expect, it } from 'vitest'
import { loadCaller } from '../../src/cli/connection.ts'
import { sources } from './sources.ts'

const caller = (env: Record<string, string>, dotenv: string | null = null) => loadCaller(sources({ env, dotenv }))

describe('a command that talks to the daemon', () => {
  it('uses loopback by default', () => {
    expect(caller({})).toEqual({ kind: 'loaded', url: 'http://127.0.0.1:8080', token: null })
  })

  it('reads address and token from the environment or .env', () => {
    const wanted = { kind: 'loaded', url: 'http://gpu.lan:9090/foreman', token: 's3cret' }
    expect(caller({ FOREMAN_URL: 'http://gpu.lan:9090/foreman/', FOREMAN_TOKEN: 's3cret' })).toEqual(wanted)
    expect(caller({}, 'FOREMAN_URL=http://gpu.lan:9090/foreman\nFOREMAN_TOKEN=s3cret')).toEqual(wanted)
  })

  it("ignores errors in the daemon's settings", () => {
    expect(caller({ FOREMAN_ADDR: 'nonsense' }, 'FOREMAN_DB').kind).toBe('loaded')
  })

  it('reports all errors in its own settings, without the secret', () => {
    const refused = caller({ FOREMAN_URL: 'gpu.lan', FOREMAN_TOKEN: 's3cret s3cret' })
    expect(refused).toEqual({
      kind: 'refused',
      problems: [
        expect.stringContaining('FOREMAN_URL=gpu.lan has no scheme (did you mean http://gpu.lan?)'),
        expect.not.stringContaining('s3cret'),
      ],
    })
    expect(caller({ FOREMAN_TOKEN: 'x', FOREMAN_TOKEN_FILE: 'y' }).kind).toBe('refused')
  })
})
