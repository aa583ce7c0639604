// `foreman jobs artifact`: prints an artifact, or saves it as a file. The file appears under its name only when it is
// complete.

import { rename, rm, writeFile } from 'node:fs/promises'
import { Argument, type Command } from 'commander'
import { fileErrorText } from '../daemon/text/system-error.ts'
import { AnswerOutput, ReaderGone } from './answer-output.ts'
import { type ConnectionFlags, connect, withChoices, withConnection } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { artifactTable } from './job-page.ts'
import { jsonText, printable, terminalWidth } from './terminal.ts'

const HELP = `Prints an artifact: \`completion\`, the assistant's text, or \`response\`, Ollama's unchanged answer.

Examples:
  foreman jobs artifact 01KDWS9F3K8E6YJ5T9S1R2Q3WX
  foreman jobs artifact 01KDWS9F3K8E6YJ5T9S1R2Q3WX response -o answer.ndjson
  foreman jobs artifact 01KDWS9F3K8E6YJ5T9S1R2Q3WX --list
`

interface ArtifactFlags extends ConnectionFlags {
  readonly output?: string
  readonly list?: true
}

export function addArtifact(jobs: Command): void {
  const name = withChoices(new Argument('[name]', 'which artifact').default('completion'), ['completion', 'response'])
  const command = jobs.command('artifact').argument('<id>').addArgument(name)
  withConnection(command, 300_000, 'with --list: print the list as JSON')
    .summary('print an artifact of a job')
    .addHelpText('before', HELP)
    .option('-o, --output <file>', 'write it to this file')
    .option('--list', 'list the artifacts instead')
    .action(async (id: string, name: string, flags: ArtifactFlags) => {
      if (flags.list === true) return printNames(id, flags)
      if (flags.json === true) return command.error('error: --json needs --list: an artifact is printed unchanged')
      const artifact = await connect(flags).artifact(id, name, { timeoutMs: flags.timeout })
      if (flags.output === undefined) await print(artifact.bytes)
      else await save(artifact.bytes, flags.output)
    })
}

async function printNames(id: string, flags: ArtifactFlags): Promise<void> {
  const { artifacts } = await connect(flags).get(id)
  if (flags.json === true) {
    const documents = artifacts.map(({ name, content_type, bytes: size }) => ({ name, content_type, bytes: size }))
    process.stdout.write(`${jsonText({ artifacts: documents })}\n`)
    return
  }
  process.stdout.write(`${artifactTable(artifacts, terminalWidth()).join('\n')}\n`)
}

async function print(artifact: Uint8Array): Promise<void> {
  const output = new AnswerOutput()
  try {
    await (output.isTerminal ? output.text(new TextDecoder().decode(artifact)) : output.write(artifact))
    await output.end()
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error
  }
}

async function save(artifact: Uint8Array, path: string): Promise<void> {
  const part = `${path}.${process.pid}.part`
  try {
    await writeFile(part, artifact, { flag: 'wx' })
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw new CommandError(EXIT.error, `foreman: ${printable(path)} cannot be written: ${fileErrorText(error)}`)
  }
}
