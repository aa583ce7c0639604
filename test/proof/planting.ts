// Owns how a bug is planted into a daemon: imported before it (node --import), it changes the source of the named files while
// they are loaded, in the store's thread too. A text that is not there stops the daemon.

import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Edit, HARMLESS, PLANTS, type Plant, POWER_CUT_PLANTS, planted } from './plants.ts'

const name = process.env['FOREMAN_PROOF_PLANT'] ?? ''
const plants: Readonly<Record<string, Plant>> = { ...PLANTS, ...HARMLESS, ...POWER_CUT_PLANTS }
const plant = plants[name]
if (plant === undefined) throw new Error(`no such plant: ${name}`)

const root = join(import.meta.dirname, '../..')
/** The store's thread is started without the daemon's own flags, and would load what is not planted. */
const reach: Edit = { file: 'src/daemon/sqlite/thread.ts', from: 'execArgv: []', to: 'execArgv: process.execArgv' }
const edits = Map.groupBy([...plant.edits, reach], ({ file }) => pathToFileURL(join(root, file)).href)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const found = edits.get(url)
    if (found === undefined || loaded.source === undefined || loaded.source === null) return loaded
    const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source)
    return { ...loaded, source: planted(source, found) }
  },
})
