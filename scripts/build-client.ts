// Build of the package foreman-client: `npm run build:client` writes dist/foreman-client.

import { buildPackage } from './build-package.ts'

process.stdout.write(`${await buildPackage({ part: 'client' })}\n`)
