// `npm run build`: the three packages under dist/, each also as a tarball. `--program` builds only the program, for `npm start`.

import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPackage } from './build-package.ts'
import { buildProgram } from './build-program.ts'

const { values } = parseArgs({ options: { program: { type: 'boolean', default: false } } })
const program = await buildProgram()
if (!values.program) {
  const folders = [program, await buildPackage({ part: 'client' }), await buildPackage({ part: 'ai-sdk' })]
  const dist = resolve(import.meta.dirname, '../dist')
  for (const folder of folders) {
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', dist], {
      cwd: folder,
      encoding: 'utf8',
    })
    process.stdout.write(`${join('dist', packed.trim())}\n`)
  }
}
