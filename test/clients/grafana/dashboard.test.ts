// The Grafana dashboard against the types of @grafana/schema. It was never opened in Grafana.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../harness.ts'

const CLIENTS = resolve(import.meta.dirname, '..')
const COMPILER = join(CLIENTS, 'node_modules', 'typescript', 'bin', 'tsc')

it('the dashboard matches the types of @grafana/schema', async () => {
  const config = join(await temporaryFolder(), 'tsconfig.json')
  const files = [join(import.meta.dirname, 'dashboard-type.ts')]
  const compilerOptions = { typeRoots: [resolve(CLIENTS, '../../node_modules/@types')] }
  writeFileSync(
    config,
    JSON.stringify({ extends: join(CLIENTS, 'tsconfig.json'), compilerOptions, files, include: [] }),
  )
  const { status, stdout } = spawnSync(process.execPath, [COMPILER, '-p', config], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})
