// Published names and addresses: npm packages, command, image, repository. The build and the check of the documents read them
// here; any other occurrence must be one of these names.

export const PROGRAM_PACKAGE = 'ollama-foreman'
export const CLIENT_PACKAGE = 'foreman-client'
export const AI_SDK_PACKAGE = 'foreman-ai-sdk'
export const PACKAGES: readonly string[] = [PROGRAM_PACKAGE, CLIENT_PACKAGE, AI_SDK_PACKAGE]

/** The command of the program's package. On npm, a package of this name belongs to another project. */
export const COMMAND = 'foreman'

/** The image, without registry and tag: documents build it under this name, and a release adds its registry. */
export const IMAGE = 'ollama-foreman'

/** The address in a build outside of a forge. Its domain is reserved and cannot be registered. */
const PLACEHOLDER = 'https://git.example/ollama-foreman'

/**
 * The repository's address: where the workflow that builds this runs (GitHub and Gitea set both variables), else a
 * placeholder. npm refuses a package whose provenance names another repository than its manifest.
 */
export function repositoryUrl(env: NodeJS.ProcessEnv = process.env): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: path } = env
  return server !== undefined && path !== undefined ? `${server}/${path}` : PLACEHOLDER
}

/** A pattern for places where a document or a program spells one of these names. */
interface Spelling {
  readonly what: string
  /** Group 1 is the name as spelled there. */
  readonly pattern: RegExp
  readonly allowed: (name: string) => boolean
}

const isPackage = (name: string): boolean => PACKAGES.includes(name)
const isImage = (name: string): boolean => (name.split('/').at(-1) ?? '').split(/[:@]/)[0] === IMAGE

const SPELLINGS: readonly Spelling[] = [
  {
    what: `the npm package is one of ${PACKAGES.join(', ')}`,
    pattern:
      /\b(?:npx|bunx|npm (?:i|install|x|view)|npm exec(?! --no -- foreman\b)|(?:pnpm|yarn|bun) \w+)\s(?:-\S+\s+)*((?:@[\w-]+\/)?[\w-]*foreman[\w-]*)(?![\w/.])/g,
    allowed: isPackage,
  },
  {
    what: `the npm package is one of ${PACKAGES.join(', ')}`,
    pattern: /\bfrom '((?:@[\w-]+\/)?[\w-]*foreman[\w-]*)'/g,
    allowed: isPackage,
  },
  {
    what: `the image is ${IMAGE}`,
    pattern: /(?:\bimage: *|\b(?:pull|push) |(?:-t|--tag)[ =])["']?([\w./-]*foreman[\w.:@-]*)/g,
    allowed: isImage,
  },
  {
    what: `the image is ${IMAGE}`,
    pattern: /\b((?:ghcr|docker|quay)\.io\/[\w./-]*foreman[\w.:@-]*)/g,
    allowed: isImage,
  },
  {
    what: 'the address of the repository comes from scripts/published.ts',
    pattern: /(https?:\/\/(?:[\w-]+\.)*(?:github|gitlab|codeberg|gitea)\.\w+\/[\w.-]+\/[\w-]*foreman[\w-]*)/g,
    allowed: () => false,
  },
]

/** Returns one line for each misspelled published name. The bare command after `npx` is one: it runs another project. */
export function misspelledNames(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    SPELLINGS.flatMap(({ what, pattern, allowed }) =>
      [...line.matchAll(pattern)]
        .map(([, name = '']) => name)
        .filter((name) => !allowed(name))
        .map((name) => `${path}:${index + 1}: "${name}" is misspelled: ${what}`),
    ),
  )
}
