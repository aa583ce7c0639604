// Containers of the image under test: podman's command line, and a foreman in a container that is removed after the test.

import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { Command, type Ended, run } from '../cli/command-line.ts'

const environment = process.env as Readonly<Record<string, string>>

/** The name of the image that scripts/try-image.sh built, with its two tags. */
export const IMAGE = environment['FOREMAN_TEST_IMAGE'] ?? 'run scripts/try-image.sh instead'
export type Target = 'distroless' | 'slim'

/** The options of the documents: no root, no capabilities, and only /data is writable. */
const LOCKED = [
  '--network=host',
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  // Without systemd podman has no timer for the health check. `foreman health` is called by the tests.
  '--no-healthcheck',
]

export const podman = (...args: string[]): Promise<Ended> => run(args, { executable: 'podman', env: environment })

/** The output of a podman command that must succeed. */
export async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await podman(...args)
  if (code !== 0) throw new Error(`podman ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout.trim()
}

export interface ContainerOptions {
  readonly target?: Target
  readonly env?: Readonly<Record<string, string>>
  /** Further arguments of `podman run`. */
  readonly args?: readonly string[]
}

/** Runs the image to its end, with these arguments for its entry point. */
export function runImage(command: readonly string[], options: ContainerOptions = {}): Promise<Ended> {
  const { target = 'distroless', env = {}, args = [] } = options
  return podman('run', '--rm', ...LOCKED, ...variables(env), ...args, `${IMAGE}:${target}`, ...command)
}

export class Container {
  readonly name = `foreman-${randomUUID()}`
  readonly url = 'http://127.0.0.1:8080'
  readonly #volume: string

  private constructor(volume: string) {
    this.#volume = volume
  }

  /** Starts `serve` on a new volume, and resolves when it listens. */
  static async start(options: ContainerOptions = {}): Promise<Container> {
    const container = await Container.prepare()
    await container.create(options)
    return container
  }

  /** Creates a volume. `fill` may write to it before a container uses it. */
  static async prepare(fill: (volume: string) => Promise<void> = async () => {}): Promise<Container> {
    const container = new Container(`data-${randomUUID()}`)
    onTestFinished(async () => {
      await podman('rm', '--force', '--time=0', '--volumes', container.name)
      await podman('volume', 'rm', '--force', container.#volume)
    })
    await fill(container.#volume)
    return container
  }

  /** Starts a container on the volume of this one, also after its removal. */
  async create({ target = 'distroless', env = {}, args = [] }: ContainerOptions = {}): Promise<void> {
    const volume = `--volume=${this.#volume}:/data`
    const image = `${IMAGE}:${target}`
    await output('run', '--detach', `--name=${this.name}`, volume, ...LOCKED, ...variables(env), ...args, image)
    await this.listening()
  }

  async restart(): Promise<void> {
    const since = new Date().toISOString()
    await output('start', this.name)
    await this.listening(since)
  }

  /** Sends SIGTERM and returns the exit code. */
  async stop(): Promise<number> {
    await output('stop', '--time=60', this.name)
    return Number(await output('inspect', '--format={{.State.ExitCode}}', this.name))
  }

  async kill(): Promise<void> {
    await output('kill', '--signal=KILL', this.name)
    await output('wait', this.name)
  }

  exec(...args: string[]): Promise<Ended> {
    return podman('exec', this.name, ...args)
  }

  /** Evaluates an expression in a Node inside of the container. */
  async evaluate<T>(expression: string): Promise<T> {
    return JSON.parse(await output('exec', this.name, '/nodejs/bin/node', '--print', `JSON.stringify(${expression})`))
  }

  async listening(since = '1970-01-01T00:00:00Z'): Promise<void> {
    const logs = new Command(['logs', '--follow', `--since=${since}`, this.name], {
      executable: 'podman',
      env: environment,
    })
    await logs.said('foreman is listening')
    logs.process.kill()
  }
}

const variables = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).map(([name, value]) => `--env=${name}=${value}`)
