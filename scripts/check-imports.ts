// Import checker: reads import-rules.ts and checks every file under src/. It fails if a rule has matched no file, because
// such a rule would pass whatever the code does.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cruise, type ICruiseResult, type IModule } from 'dependency-cruiser'
import {
  IMPORT_EXCEPTIONS,
  IMPORT_RULES,
  type ImportRule,
  MAX_FILE,
  PROSE_RULE,
  TEXT_RULES,
  type TextRule,
  WIRING,
} from './import-rules.ts'
import { misspelledNames } from './published.ts'

/** Returns one line for each violation in the project at `root`. */
export async function violationsIn(root: string): Promise<string[]> {
  const files = globSync('{src,scripts}/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  const sources = files.filter((path) => path.startsWith('src/'))
  const modules = await modulesIn(root)
  // dependency-cruiser silently skips every file if it cannot load TypeScript.
  const unseen = sources.filter((path) => !modules.some(({ source }) => source === path))
  const blind = [
    ...(sources.length === 0 ? ['no source files found: nothing was checked'] : []),
    ...unseen.map((path) => `${path}: not seen by dependency-cruiser`),
  ]
  return [
    ...blind,
    ...IMPORT_RULES.flatMap((rule) => importViolations(rule, modules)),
    ...roomless(sources),
    ...modules.flatMap(brokenImports),
    ...circles(modules),
    ...TEXT_RULES.flatMap((rule) => textViolations(rule, root, sources)),
    ...files.flatMap((path) => lengthViolation(root, path)),
    ...duplicateTypes(root, sources),
    ...proseViolations(root),
    ...nameViolations(root),
  ]
}

/** Every file from which a reader could copy a command: documents, programs, workflows. */
const NAMED = '{*,{.github,.gitea,bench,docs,examples,scripts,src,test}/**/*}.{md,ts,js,mjs,py,sh,yml,yaml}'

function nameViolations(root: string): string[] {
  const exclude = (path: string): boolean => /(^|\/)(node_modules|dist)$/.test(path)
  const paths = globSync(NAMED, { cwd: root, exclude }).map((path) => path.replaceAll('\\', '/'))
  return paths
    .filter((path) => path !== 'test/import-rules.test.ts') // plants such names
    .flatMap((path) => misspelledNames(path, readFileSync(join(root, path), 'utf8')))
}

async function modulesIn(root: string): Promise<readonly IModule[]> {
  const result = await cruise(
    ['src'],
    {
      baseDir: root,
      // Type imports count: a domain that knows the shape of an HTTP request is not pure.
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
    },
    {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  )
  return (result.output as ICruiseResult).modules
}

function importViolations(rule: ImportRule, modules: readonly IModule[]): string[] {
  const concerned = modules.filter(({ source }) => rule.from.test(source))
  if (concerned.length === 0) return [`"${rule.name}" looked at nothing: no file matches ${rule.from.source}`]
  return concerned.flatMap(({ source, dependencies }) =>
    dependencies
      .filter(({ couldNotResolve }) => !couldNotResolve)
      .map(nameOf)
      .filter((to) => !rule.may.some((allowed) => allowed.test(to)))
      .filter((to) => !IMPORT_EXCEPTIONS.some((exception) => exception.from.test(source) && exception.to.test(to)))
      .map((to) => `${source} imports ${to}: ${rule.name}`),
  )
}

/** Files that no rule covers. Only the wiring has none: it may import everything. */
function roomless(paths: readonly string[]): string[] {
  return paths
    .filter((path) => path !== WIRING && !IMPORT_RULES.some(({ from }) => from.test(path)))
    .map((path) => `${path} lies in a folder that has no import rule`)
}

/** Core modules are resolved to their bare names; everything else to a path from the root. */
function nameOf({ resolved, coreModule }: IModule['dependencies'][number]): string {
  const path = resolved.replace(/^.*?(?=node_modules\/)/, '')
  return coreModule ? `node:${resolved.replace(/^node:/, '')}` : path
}

function brokenImports({ source, dependencies }: IModule): string[] {
  if (!source.startsWith('src/')) return []
  const broken = dependencies.filter(({ couldNotResolve }) => couldNotResolve)
  return broken.map(({ module }) => `${source} imports ${module}, which is not there`)
}

/** Returns each import cycle once. Types do not exist at run time, so a cycle with a type import is allowed. */
function circles(modules: readonly IModule[]): string[] {
  const found = new Set<string>()
  for (const { source, dependencies } of modules) {
    for (const { cycle, dependencyTypes } of dependencies) {
      const edges = [{ dependencyTypes }, ...(cycle ?? [])]
      if (cycle === undefined || edges.some(({ dependencyTypes: types }) => types.includes('type-only'))) continue
      const names = [...new Set([source, ...cycle.map(({ name }) => name)])].sort()
      found.add(`${names.join(', ')} import each other in a circle`)
    }
  }
  return [...found]
}

function textViolations(rule: TextRule, root: string, sources: readonly string[]): string[] {
  const missing = Object.keys(rule.except).filter((path) => !existsSync(join(root, path)))
  const concerned = sources.filter((path) => rule.where.test(path))
  if (concerned.length === 0) return [`"${rule.name}" looked at nothing: no file matches ${rule.where.source}`]
  return [
    ...missing.map((path) => `"${rule.name}" excepts ${path}, which is not there`),
    ...concerned
      .filter((path) => !(path in rule.except))
      .flatMap((path) =>
        codeLines(root, path)
          .filter(({ text }) => rule.pattern.test(text))
          .map(({ number }) => `${path}:${number}: ${rule.name}`),
      ),
  ]
}

/** Returns the lines without whole-line comments, which may mention what is forbidden. */
function codeLines(root: string, path: string): { number: number; text: string }[] {
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .map((text, index) => ({ number: index + 1, text }))
    .filter(({ text }) => !/^\s*(\/\/|\/\*|\*)/.test(text))
}

const TYPE_DECLARATION = /^(?:export )?(?:abstract )?(?:interface|type|class) (\w+)/gm

/** Type names that more than one file of src/ defines: one name has one meaning. */
function duplicateTypes(root: string, sources: readonly string[]): string[] {
  const files = new Map<string, string[]>()
  for (const path of sources) {
    for (const [, name = ''] of readFileSync(join(root, path), 'utf8').matchAll(TYPE_DECLARATION)) {
      files.set(name, [...(files.get(name) ?? []), path])
    }
  }
  if (sources.length > 0 && files.size === 0) return ['no type declarations found: duplicate names were not checked']
  return [...files]
    .filter(([, paths]) => paths.length > 1)
    .map(
      ([name, paths]) => `the type ${name} is defined in ${[...paths].sort().join(' and ')}: one name has one meaning`,
    )
}

function proseViolations(root: string): string[] {
  const paths = globSync(PROSE_RULE.where, { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  if (paths.length === 0) return ['no text found: its phrases were not checked']
  return paths.flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const phrase = PROSE_RULE.pattern.exec(line)?.[0]
        return phrase === undefined
          ? []
          : [`${path}:${index + 1}: "${phrase}" is hard to read: see CONTRIBUTING.md, Prose`]
      }),
  )
}

function lengthViolation(root: string, path: string): string[] {
  if (!MAX_FILE.where.test(path)) return []
  const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length
  return lines > MAX_FILE.lines ? [`${path} has ${lines} lines: no file has more than ${MAX_FILE.lines}`] : []
}

if (import.meta.main) {
  const violations = await violationsIn(resolve(import.meta.dirname, '..'))
  for (const violation of violations) process.stderr.write(`${violation}\n`)
  process.exitCode = violations.length === 0 ? 0 : 1
}
