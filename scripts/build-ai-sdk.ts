// Build of the package foreman-ai-sdk: `npm run build:ai-sdk` writes dist/foreman-ai-sdk. It contains the client.

import { buildPackage } from './build-package.ts'

process.stdout.write(`${await buildPackage({ part: 'ai-sdk' })}\n`)
