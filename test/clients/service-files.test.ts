// The systemd unit and the launchd job, judged by systemd's own tools and Python's reader of property lists, and held to what
// the daemon needs. scripts/try-systemd.sh, run by hand, starts the unit under a real systemd.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const DEPLOY = resolve(import.meta.dirname, '../../deploy')
const UNIT = readFileSync(join(DEPLOY, 'foreman.service'), 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'foreman-service-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A copy of the unit whose program is on this machine: verify looks for it. */
function installable(): string {
  const path = join(folder, 'foreman.service')
  writeFileSync(path, UNIT.replace('/usr/local/bin/foreman', '/bin/true'))
  return path
}

const analyze = (...args: string[]) => {
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  if (error !== undefined) throw new Error('systemd-analyze is missing: apt-get install systemd', { cause: error })
  return { status, stdout, stderr }
}

/** The values of a key, in the order in which they stand. */
const values = (key: string): string[] =>
  UNIT.split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1))

describe('the systemd unit', () => {
  it('passes systemd-analyze verify without warnings', () => {
    expect(analyze('verify', installable())).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('has an exposure of at most 1.5', () => {
    const { status, stdout } = analyze('security', '--offline=yes', '--threshold=15', '--no-pager', installable())
    expect({ status, last: stdout.trim().split('\n').at(-1) }).toEqual({
      status: 0,
      last: expect.stringMatching(/exposure level/),
    })
  })

  it('allows the sockets that foreman needs: network, database lock, addresses of the machine', () => {
    expect(values('RestrictAddressFamilies')).toEqual(['AF_INET AF_INET6 AF_UNIX AF_NETLINK'])
  })

  it('does not restart after an invalid setting, and waits longer for a stop than foreman does', () => {
    expect(values('Restart')).toEqual(['on-failure'])
    expect(values('RestartPreventExitStatus')).toEqual(['78'])
    expect(values('TimeoutStopSec')).toEqual(['20s'])
  })
})

describe('the launchd job', () => {
  it('is a property list that starts foreman at boot and again after a failure, but not too often', () => {
    const read = 'import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'
    const input = readFileSync(join(DEPLOY, 'ollama-foreman.plist'))
    const job = JSON.parse(execFileSync('python3', ['-c', read], { input, encoding: 'utf8' }))
    expect(job).toMatchObject({
      Label: 'ollama-foreman',
      ProgramArguments: ['/usr/local/bin/foreman', 'serve'],
      Umask: 0o077,
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 30,
      ExitTimeOut: 20,
    })
  })
})
