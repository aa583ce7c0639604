// A fuzz target that takes its process down, for the runner's own test.

export const name = 'crashes'

export async function run(): Promise<{ cases: number }> {
  setImmediate(() => {
    throw new Error('thrown where nobody waits')
  })
  return new Promise(() => {})
}
