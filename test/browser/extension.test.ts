// Pages of a browser extension cannot use foreman unless the settings name extensions.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { Chromium, describeInBrowser } from './chromium.ts'

describeInBrowser('an extension', () => {
  let folder: string
  let chromium: Chromium
  let origin: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foreman-extension-'))
    const manifest = { manifest_version: 3, name: 'a chat in the sidebar', version: '1.0' }
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
    writeFileSync(join(folder, 'page.html'), '<!doctype html><title>a page</title>')
    chromium = await Chromium.start()
    const { id } = await chromium.send('Extensions.loadUnpacked', { path: folder })
    origin = `chrome-extension://${String(id)}`
  })
  afterAll(async () => {
    await chromium?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test.each([
    ['is refused by default', [], 'nothing', 0],
    ['is let in by the word `extensions`', ['extensions'], '"done":true', 1],
  ])('an extension page %s', async (_name, origins, learned, sent) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { origins } })
    const page = await chromium.newPage()
    await page.open(`${origin}/page.html`)
    expect(await page.evaluate('location.origin')).toBe(origin)
    const body = JSON.stringify({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], stream: false })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }
    const asking = `fetch('${url}/api/chat', ${JSON.stringify(init)}).then((answer) => answer.text(), () => 'nothing')`
    expect(await page.evaluate(asking)).toContain(learned)
    expect(fake.workers).toHaveLength(sent)
    await page.close()
  })
})
