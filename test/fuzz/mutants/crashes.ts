// Fuzz target that crashes its process, for the test of the runner.

export const name = 'crashes'

export async function run(): Promise<{ cases: number }> {
  setImmediate(() => {
    throw new Error('thrown where nobody waits')
  })
  return new Promise(() => {})
}
