import { describe, expect, it } from 'vitest'
import { releaseNotes } from '../../scripts/release-notes.ts'

const CHANGELOG =
  '# Changelog\n\n## Unreleased\n\n- later\n\n## 0.2.0 (2026-12-01)\n\nWords.\n\n- one\n\n### More\n\n- two\n\n## 0.1.0\n\n- first\n\n## 0.0.1\n'

describe('the release notes', () => {
  it('are the section of their version', () => {
    expect(releaseNotes(CHANGELOG, 'v0.2.0', '0.2.0')).toBe('Words.\n\n- one\n\n### More\n\n- two\n')
    expect(releaseNotes(CHANGELOG, 'v0.1.0', '0.1.0')).toBe('- first\n')
  })

  it.each([
    ['v0.3.0', '0.2.0', 'tag v0.3.0 is not v0.2.0'],
    ['0.2.0', '0.2.0', 'tag 0.2.0 is not v0.2.0'],
    ['v0.2', '0.2', 'no section "## 0.2"'],
    ['v0.0.1', '0.0.1', 'is empty'],
  ])('are refused for the tag %s of version %s', (tag, version, why) => {
    expect(() => releaseNotes(CHANGELOG, tag, version)).toThrow(why)
  })
})
