// `foreman serve`: starts the daemon from the settings, and turns a signal or a failure into an exit code.

import type { Command } from 'commander'
import { systemClock } from '../daemon/runtime/clock.ts'
import type { Log } from '../daemon/runtime/log.ts'
import { EXIT } from './exit.ts'
import { effectiveSettings, type SettingsFlags, withSettings } from './settings-flags.ts'

/** The part of the daemon that this file uses. */
export interface Servable {
  start(): Promise<void>
  stop(): Promise<void>
  readonly exited: Promise<number>
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** Under `npm start` one Ctrl-C arrives twice: from the terminal, and forwarded by npm. */
const SAME_SIGNAL_MS = 300

interface Signal {
  readonly name: string
  /** performance.now(). */
  readonly at: number
}

/**
 * Returns whether a later signal ends the daemon at once. Ignored are:
 * 1. SIGHUP, which a closed terminal and its shell both send;
 * 2. the first signal again within 300 ms.
 */
export function endsAtOnce(first: Signal, later: Signal): boolean {
  if (later.name === 'SIGHUP') return false // 1
  return later.name !== first.name || later.at - first.at >= SAME_SIGNAL_MS // 2
}

export function addServe(program: Command, exit: (code: number) => void): void {
  withSettings(program.command('serve').summary('run the daemon').usage('--ollama-url <url> [flags]'))
    .addHelpText(
      'before',
      'Runs the daemon until SIGTERM, SIGHUP or Ctrl-C; a second signal ends it at once.\n\nExamples:\n  foreman serve --ollama-url http://mac.local:11434\n  FOREMAN_TOKEN_FILE=token.txt foreman serve --ollama-url http://mac.local:11434 --addr :8080\n  foreman config        # print the settings that would be used\n',
    )
    .action(async (flags: SettingsFlags) => {
      const { config, warnings } = effectiveSettings(flags)
      // Imported late: only this command needs the daemon and its dependencies.
      const { openLog } = await import('../daemon/runtime/log.ts')
      const log = await openLog(config)
      for (const warning of warnings) log.warn(warning)
      try {
        const { createDaemon } = await import('../daemon/daemon.ts')
        exit(await serveUntilEnd(createDaemon(config, { clock: systemClock, log }), log))
      } catch (error) {
        log.fatal({ err: error }, 'cannot create the daemon')
        await flushed(log)
        exit(EXIT.internal)
      }
    })
}

/** Resolves when the last log lines are written, or cannot be. */
const flushed = (log: Log): Promise<void> => new Promise((resolve) => log.flush(() => resolve()))

/** Resolves with the exit code when the daemon has ended. */
export function serveUntilEnd(daemon: Servable, log: Log): Promise<number> {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  const started = Promise.withResolvers<void>()
  process.on('uncaughtException', (error) => {
    // The reader of the output has left, or the terminal was closed (EIO). Requests are still being served.
    if ('code' in error && (error.code === 'EPIPE' || (error.code === 'EIO' && 'syscall' in error))) return
    log.fatal({ err: error }, 'unexpected error: stopping; the next start recovers the queue')
    log.flush(() => process.exit(EXIT.internal))
  })

  let first: Signal | null = null
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      const at = performance.now()
      if (first !== null) return endsAtOnce(first, { name: signal, at }) ? process.exit(code) : undefined
      first = { name: signal, at }
      log.info({ signal }, `stopping on ${signal}`)
      const stop = (): Promise<void> =>
        daemon.stop().then(
          () => end(EXIT.ok),
          (error: unknown) => {
            log.fatal({ err: error }, 'did not stop cleanly')
            end(EXIT.internal)
          },
        )
      // A failed start has been logged and has ended with its own code.
      started.promise.then(stop, () => {})
    })
  }

  // Signals are handled before the start, because users interrupt a long recovery.
  started.promise.catch((error: unknown) => {
    const code = exitCodeOf(error)
    const message = error instanceof Error ? error.message : String(error)
    // An error with an exit code is expected: its message is enough, without a stack.
    if (code === null) log.fatal({ err: error }, message)
    else log.fatal(message)
    end(code ?? EXIT.internal)
  })
  daemon.start().then(started.resolve, started.reject)
  void daemon.exited.then(end)
  return ended.then(async (code) => {
    await flushed(log)
    return code
  })
}

function exitCodeOf(error: unknown): number | null {
  const code = error instanceof Error && 'exitCode' in error ? error.exitCode : null
  return typeof code === 'number' ? code : null
}
