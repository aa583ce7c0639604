import { describe, expect, it } from 'vitest'
import { onFreePort } from './free-port.ts'

describe('a program that needs a free port', () => {
  it.each([
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:20000',
    'bind() to 127.0.0.1:20000 failed (98: Address already in use)',
    'listen tcp 127.0.0.1:20000: bind: address already in use',
    '127.0.0.1:20000 (FOREMAN_ADDR) is taken by another program',
  ])('is started again on another port if it says: %s', async (said) => {
    const ports: number[] = []
    const started = await onFreePort(async (port) => {
      ports.push(port)
      if (ports.length === 1) throw new Error(said)
      return port
    })
    expect(ports).toHaveLength(2)
    expect(started).toBe(ports[1])
  })

  it('is not started again after any other error', async () => {
    let starts = 0
    const start = onFreePort(() => Promise.reject(new Error(`no configuration ${++starts}`)))
    await expect(start).rejects.toThrow('no configuration 1')
  })

  it('is not started for ever', async () => {
    let starts = 0
    const start = onFreePort(() => Promise.reject(new Error(`EADDRINUSE ${++starts}`)))
    await expect(start).rejects.toThrow('EADDRINUSE 5')
  })
})
