// Compile cache of the tests (vitest.environment.ts) for child processes that get no other part of the environment.

/** Variables of a child process that uses the cache; none if the tests run without it. */
export function compileCache(): Record<string, string> {
  const folder = process.env['NODE_COMPILE_CACHE']
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
