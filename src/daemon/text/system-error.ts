// Words for error codes of the operating system: no user should meet a bare ENOSPC or ECONNREFUSED.

/** By code: what happened, and what to do if it happened to a file. */
const WORDS: Readonly<Record<string, readonly [reason: string, cure?: string]>> = {
  EACCES: ['permission denied', 'change its permissions, or choose another path'],
  EAI_AGAIN: ['the host name cannot be resolved at the moment'],
  ECONNREFUSED: ['connection refused'],
  ECONNRESET: ['connection reset'],
  EDQUOT: ['disk quota exceeded', 'free disk space'],
  EHOSTUNREACH: ['no route to the host'],
  EIO: ['input/output error', 'check the disk'],
  EISDIR: ['it is a folder', 'name a file'],
  EMFILE: ['too many open files', 'raise the limit (ulimit -n)'],
  ENAMETOOLONG: ['name too long', 'choose a shorter path'],
  ENETUNREACH: ['network unreachable'],
  ENOENT: ['no such file or directory', 'check the path'],
  ENOSPC: ['no space left on the disk', 'free disk space'],
  ENOTDIR: ['part of the path is not a folder', 'check the path'],
  ENOTFOUND: ['unknown host name'],
  EPERM: ['operation not permitted', 'change its permissions, or choose another path'],
  EPIPE: ['the reader has left'],
  EROFS: ['read-only file system', 'choose another path'],
  ETIMEDOUT: ['no answer in time'],
}

/** Replaces codes in a message of Node: `connect ECONNREFUSED 127.0.0.1:1` is `connection refused (127.0.0.1:1)`. */
export const withoutErrno = (message: string): string =>
  message.replace(
    /\b(?:(?:connect|getaddrinfo|read|write) )?(E[A-Z_]{2,})(?:: [^,]+, \w+(?:(?: ->)? '[^']*')*| ([\w-]*[.:][\w.:-]*))?/g,
    (whole, code: string, address: string | undefined) => {
      const [reason] = WORDS[code] ?? [whole]
      return reason === whole || address === undefined ? reason : `${reason} (${address})`
    },
  )

/** The reason of a failed file operation: `no such file or directory`. */
export const reasonOf = (error: unknown): string => withoutErrno(error instanceof Error ? error.message : String(error))

/** The reason of a failed file operation and what to do: `no such file or directory; check the path`. */
export function fileErrorText(error: unknown): string {
  const [, cure] = (error instanceof Error && 'code' in error ? WORDS[String(error.code)] : undefined) ?? []
  return cure === undefined ? reasonOf(error) : `${reasonOf(error)}; ${cure}`
}
