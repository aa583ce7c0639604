// esbuild plugins that keep the program's bundle small and its start short. bench/README.md says what each one saves.

import type { Plugin } from 'esbuild'

/**
 * Node's own modules by `require`. An ES import of `node:http` reads every one of its exports, and one of them is a getter that
 * loads all of Node's fetch and WebSocket (14 MiB).
 */
export const requiredBuiltins: Plugin = {
  name: 'required-builtins',
  setup(building) {
    building.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'builtin' },
    )
    building.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }))
  },
}

/** Packages whose index loads more than foreman uses: the exports that it uses, each with its file. */
const PARTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  undici: {
    Client: 'undici/lib/dispatcher/client.js',
    Pool: 'undici/lib/dispatcher/pool.js',
    buildConnector: 'undici/lib/core/connect.js',
  },
  '@prometheus-io/client': {
    Counter: '@prometheus-io/client/lib/counter.js',
    Gauge: '@prometheus-io/client/lib/gauge.js',
    Histogram: '@prometheus-io/client/lib/histogram.js',
    Registry: '@prometheus-io/client/lib/registry.js',
  },
}

/** Bundles only the used parts. The build fails if the source imports another name, or if a file is gone. */
export const usedParts = (root: string): Plugin => ({
  name: 'used-parts',
  setup(building) {
    const names = Object.keys(PARTS).join('|')
    building.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path }) => ({ path, namespace: 'parts' }))
    building.onLoad({ filter: /.*/, namespace: 'parts' }, ({ path }) => ({
      resolveDir: root,
      contents: Object.entries(PARTS[path] ?? {})
        .map(([name, file]) => `export { default as ${name} } from '${file}'\n`)
        .join(''),
    }))
    // Every connection is made with `allowH2: false`.
    building.onLoad({ filter: /undici\/lib\/dispatcher\/client-h2\.js$/ }, () => ({
      contents: "module.exports = () => { throw new Error('this bundle has no HTTP/2') }",
    }))
  },
})

/** undici leaves out its second, experimental parser where Node bundles it. */
export const UNDICI_DEFINES = { esbuildDetection: 'true' }
