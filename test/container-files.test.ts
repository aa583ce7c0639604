// Dockerfile, compose.yaml and docs/container.md agree with each other. test/image runs them.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'

const text = (path: string): string => readFileSync(resolve(import.meta.dirname, '..', path), 'utf8')

it('the two targets of the Dockerfile are equal below "same in both"', () => {
  const [, slim, distroless] = text('Dockerfile').split('# --- same in both\n')
  expect(slim?.slice(0, distroless?.length)).toBe(distroless)
})

it('docs/container.md names every variable and every profile of compose.yaml', () => {
  const document = text('docs/container.md')
  const compose = text('compose.yaml')
  const variables = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name)
  const profiles = [...compose.matchAll(/profiles: \[([\w-]+)\]/g)].map(([, name]) => name)
  expect(variables).toContain('PUBLISH')
  expect(profiles).toContain('webui')
  for (const name of [...variables, ...profiles]) expect(document).toMatch(new RegExp(`\\b${name}\\b`))
})

it('docs/container.md gives the default of every variable that only compose.yaml reads', () => {
  const document = text('docs/container.md')
  for (const [, name = '', value = ''] of text('compose.yaml').matchAll(/\$\{(\w+):-([^}]+)\}/g)) {
    if (name === 'FOREMAN_TOKEN') continue
    const row = document.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``))
    expect(row, name).toMatch(name.endsWith('_IMAGE') ? /as in the file/ : new RegExp(`\`${value}\``))
  }
})
