// The hop header: how foreman knows a request that it has sent itself, when its target's address leads back to it through a
// relay or a stale alias. Pure.

export const HOP_HEADER = 'x-foreman-hop'

/** What is said of the target then, wherever its reachability is told. */
export const LOOP_REASON = 'FOREMAN_OLLAMA_URL leads back to this foreman'

/** Whether a request with this header came through the foreman with this id. */
export function cameThrough(header: string | string[] | undefined, id: string): boolean {
  return String(header ?? '')
    .split(',')
    .some((hop) => hop.trim() === id)
}
