// Owns the build of the package foreman-ai-sdk: `npm run build:ai-sdk` writes dist/foreman-ai-sdk. The client is in it, so
// that it has no dependencies.

import { buildPackage } from './build-package.ts'

process.stdout.write(`${await buildPackage({ part: 'ai-sdk' })}\n`)
