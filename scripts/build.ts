// `npm run build`: the three packages under dist/, each also as a tarball. `--program` builds only the program, for `npm start`;
// `--executable` builds the single executable for this system, or for another one with `--target linux-arm64`.

import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildExecutable, HOST, isTarget, sizesOf, TARGET_NAMES } from './build-executable.ts'
import { buildPackage } from './build-package.ts'
import { buildProgram } from './build-program.ts'

const { values } = parseArgs({
  options: {
    program: { type: 'boolean', default: false },
    executable: { type: 'boolean', default: false },
    target: { type: 'string', default: HOST },
  },
})
const { target } = values
if (values.executable) {
  if (!isTarget(target)) throw new Error(`unsupported target ${target}; allowed: ${TARGET_NAMES.join(', ')}`)
  process.stdout.write(sizesOf(await buildExecutable(target)))
} else if (values.program) {
  await buildProgram()
} else {
  const folders = [await buildProgram(), await buildPackage({ part: 'client' }), await buildPackage({ part: 'ai-sdk' })]
  const dist = resolve(import.meta.dirname, '../dist')
  for (const folder of folders) {
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', dist], {
      cwd: folder,
      encoding: 'utf8',
    })
    process.stdout.write(`${join('dist', packed.trim())}\n`)
  }
}
