// Owns a world for one test: in a folder of its own, and gone after it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { World, type WorldWishes } from './world.ts'

export async function temporaryWorld(wishes: Omit<WorldWishes, 'folder'> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-proof-'))
  const world = await World.start({ ...wishes, folder })
  onTestFinished(async () => {
    await world.end()
    await rm(folder, { recursive: true, force: true })
  })
  return world
}
