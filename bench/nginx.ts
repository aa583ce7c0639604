// nginx as a rival: one worker on loopback, with a configuration written for the bench alone. It is started in the
// foreground as a child, never as a service, and does not touch the configuration of the machine.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onFreePort } from '../test/free-port.ts'
import { Caller, requestBytes } from './caller.ts'
import { type Child, startChild, temporaryDirectory } from './child.ts'
import { findProgram } from './program.ts'

const CURE = 'Debian: apt-get install --no-install-recommends nginx-light; macOS: brew install nginx'

export interface Nginx {
  readonly child: Child
  readonly pid: number
  readonly port: number
}

/** @param server directives inside `server { … }`, besides listen */
const startNginx = (server: string, upstream = ''): Promise<Nginx> =>
  onFreePort((port) => startNginxOn(port, server, upstream))

async function startNginxOn(port: number, server: string, upstream: string): Promise<Nginx> {
  const binary = findProgram('nginx', CURE)
  const prefix = temporaryDirectory()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const configuration = `
    daemon off;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    worker_processes 1;
    pid ${prefix}/nginx.pid;
    error_log stderr crit;
    events { worker_connections 4096; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${prefix}/${name};`).join(' ')}
      keepalive_requests 100000000;
      keepalive_timeout 1h;
      tcp_nodelay on;
      ${upstream}
      server {
        listen 127.0.0.1:${port} backlog=4096;
        ${server}
      }
    }`
  const file = join(prefix, 'nginx.conf')
  writeFileSync(file, configuration)
  const said: string[] = []
  const child = startChild(binary, ['-p', prefix, '-e', 'stderr', '-c', file], {
    isParent: true,
    onLine: (line) => said.push(line),
  })
  let ended = false
  child.process.once('exit', () => {
    ended = true
  })
  while (!ended && !(await answers(port))) await new Promise(setImmediate)
  if (ended) throw new Error(`nginx did not start: ${said.join(' ')}`)
  return { child, pid: child.pid, port }
}

async function answers(port: number): Promise<boolean> {
  try {
    const caller = new Caller(port)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    caller.socket.once('error', () => resolve(false))
    caller.send(requestBytes({ method: 'GET', path: '/', port }), { end: () => resolve(true) })
    const answered = await promise
    caller.close()
    return answered
  } catch {
    return false
  }
}

/** nginx in front of `upstreamPort`: connections kept, streams not buffered. */
export const startProxy = (upstreamPort: number): Promise<Nginx> =>
  startNginx(
    `location / {
       proxy_pass http://target;
       proxy_http_version 1.1;
       proxy_set_header Connection "";
       proxy_buffering off;
       proxy_read_timeout 1h;
       client_max_body_size 100m;
       client_body_buffer_size 1m;
     }`,
    `upstream target {
       server 127.0.0.1:${upstreamPort};
       keepalive 128;
       keepalive_requests 100000000;
     }`,
  )

/** nginx as a target with almost no cost: each path answers the JSON text given for it. */
export function startCannedTarget(answers: Readonly<Record<string, string>>): Promise<Nginx> {
  const locations = Object.entries(answers).map(([path, text]) => {
    // A single parameter may hold 4 kB at most; several variables in a row may hold more.
    const parts = text.match(/.{1,3000}/gs) ?? ['']
    const name = path.replaceAll(/\W/g, '_')
    const sets = parts.map((part, index) => `set $text${name}_${index} '${part}';`).join(' ')
    const whole = parts.map((_, index) => `\${text${name}_${index}}`).join('')
    return `location = ${path} { default_type application/json; ${sets} return 200 "${whole}"; }`
  })
  return startNginx(`${locations.join('\n')}\nlocation / { return 404 "404 page not found"; }`)
}
