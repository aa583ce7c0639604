// Build of the package foreman-ai-sdk: `npm run build:ai-sdk` writes dist/foreman-ai-sdk. It contains the client, so
// that it has no dependencies.

import { buildPackage } from './build-package.ts'

process.stdout.write(`${await buildPackage({ part: 'ai-sdk' })}\n`)
