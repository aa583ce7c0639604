// Loader hook that applies a mutant to the source of a daemon. Imported before the daemon (node --import), it changes the named files
// while they are loaded, in the store's thread too. A text that is not in its file stops the daemon.

import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { applyEdits, type Edit, HARMLESS_CHANGES, MUTANTS, type Mutant, POWER_CUT_MUTANTS } from './mutants.ts'

const name = process.env['FOREMAN_PROOF_MUTANT'] ?? ''
const mutants: Readonly<Record<string, Mutant>> = { ...MUTANTS, ...HARMLESS_CHANGES, ...POWER_CUT_MUTANTS }
const mutant = mutants[name]
if (mutant === undefined) throw new Error(`unknown mutant: ${name}`)

const root = join(import.meta.dirname, '../..')
/** The store's thread is started without the daemon's flags, so it would load the source without the mutant. */
const reach: Edit = { file: 'src/daemon/sqlite/thread.ts', from: 'execArgv: []', to: 'execArgv: process.execArgv' }
const edits = Map.groupBy([...mutant.edits, reach], ({ file }) => pathToFileURL(join(root, file)).href)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const found = edits.get(url)
    if (found === undefined || loaded.source === undefined || loaded.source === null) return loaded
    const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source)
    return { ...loaded, source: applyEdits(source, found) }
  },
})
