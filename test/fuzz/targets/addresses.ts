// Fuzz target: spellings of one host. The policy judges all spellings of an address or name alike, and no spelling of this
// machine reaches foreman or its target.

import { isLoopbackHost, readIp } from '../../../src/daemon/text/ip-address.ts'
import {
  type AddressPolicy,
  addressRefusal,
  createAddressPolicy,
  readReceiver,
  webhookUrlRefusal,
} from '../../../src/daemon/webhooks/address-policy.ts'
import type { FuzzTurn } from '../target.ts'

export const name = 'addresses'

const MACHINE = { names: ['box'], addresses: ['127.0.0.1', '192.168.1.2', '::1', 'fd00::2', 'fe80::2'] }
const TARGET_PORT = 11_434
const OWN_PORT = 8_080

/** Settings that allow everything, so that only the rules without a setting apply. */
const EVERYTHING = ['0.0.0.0/0', '::/0', 'localhost', 'box', 'a.localhost']

type Draw = (below: number) => number

/** Random numbers (mulberry32), so that a seed gives the same cases everywhere. */
function drawFrom(seed: number): Draw {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const pick = <T>(draw: Draw, items: readonly T[]): T => items[draw(items.length)] as T

/** Addresses of this machine: all of 127.0.0.0/8, the unspecified address, and the interfaces. */
function ownIpv4(draw: Draw): number {
  const loopback = 0x7f00_0000 + draw(0x100_0000)
  return pick(draw, [loopback, loopback, 0x7f00_0001, 0xc0a8_0102, 0])
}

const dotted = (ipv4: number): string => [ipv4 >>> 24, (ipv4 >>> 16) & 255, (ipv4 >>> 8) & 255, ipv4 & 255].join('.')

const HEX = (value: number): string => value.toString(16)
const OCTAL = (value: number): string => `0${value.toString(8)}`

/** One way to write an IPv4 address in a URL, as the URL parser reads it. */
function spelledIpv4(value: number, draw: Draw): string {
  const number = (part: number): string =>
    pick(draw, [String(part), `0x${HEX(part)}`, `0X${HEX(part).toUpperCase()}`, OCTAL(part)])
  const parts = 1 + draw(4)
  const bytes = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  // The last part holds the remaining bytes: 127.1 is 127.0.0.1.
  const rest = bytes.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0)
  const text = [...bytes.slice(0, parts - 1), rest].map(number).join('.') + pick(draw, ['', '', '.'])
  const digits = text.replaceAll(/[0-9]/g, (digit) =>
    draw(8) === 0 ? pick(draw, [String.fromCodePoint(0xff10 + Number(digit)), `%3${digit}`]) : digit,
  )
  return digits.replaceAll('.', () => pick(draw, ['.', '.', '%2e', '\u3002', '\uff0e', '\uff61']))
}

/** One way to write the 128 bits of an IPv6 address. */
function spelledIpv6(value: bigint, draw: Draw): string {
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn))
  const low = Number(value & 0xffff_ffffn)
  const asText = (group: number): string => {
    const hex = HEX(group).padStart(1 + draw(4), '0')
    return draw(2) === 0 ? hex : hex.toUpperCase()
  }
  const isDotted = draw(2) === 0
  const texts = isDotted ? [...groups.slice(0, 6).map(asText), dotted(low)] : groups.map(asText)
  const numbers = isDotted ? groups.slice(0, 6) : groups
  const zeros = numbers.indexOf(0)
  if (zeros < 0 || draw(3) === 0) return `[${texts.join(':')}]`
  let end = zeros
  while (numbers[end] === 0) end += 1
  return `[${texts.slice(0, zeros).join(':')}::${texts.slice(end).join(':')}]`
}

/** One way to hide an IPv4 address in an IPv6 one. */
function hiddenIpv4(value: number, draw: Draw): bigint {
  const v4 = BigInt(value)
  return pick(draw, [
    (0xffffn << 32n) | v4,
    (0xffffn << 32n) | v4,
    (0xffffn << 48n) | v4,
    (0x64_ff9bn << 96n) | v4,
    (0x64_ff9b_0001n << 80n) | v4,
    (0x2002n << 112n) | (v4 << 80n) | BigInt(draw(65_536)),
    (0x2001_0000n << 96n) | (~v4 & 0xffff_ffffn),
  ])
}

/** One spelling of a host that is this machine. */
function ownHost(draw: Draw): string {
  const value = ownIpv4(draw)
  const kind = draw(6)
  if (kind === 0) {
    const host = pick(draw, ['localhost', 'a.localhost', 'box'])
    const letters = host.replaceAll(/[a-z]/g, (letter) =>
      pick(draw, [letter, letter.toUpperCase(), String.fromCodePoint(letter.charCodeAt(0) - 0x61 + 0xff41)]),
    )
    return `${letters}${pick(draw, ['', '.'])}`
  }
  if (kind === 1) return spelledIpv6(pick(draw, [1n, 0n, (0xfd00n << 112n) | 2n, (0xfe80n << 112n) | 2n]), draw)
  return kind === 2 ? spelledIpv6(hiddenIpv4(value, draw), draw) : spelledIpv4(value, draw)
}

const server = (host: string, port: number) => ({ names: [host], addresses: [host], port, listensEverywhere: true })

function policyFor(draw: Draw): AddressPolicy {
  const target = pick(draw, ['127.0.0.1', 'localhost', '::1', '0.0.0.0', '::', 'box', '192.168.1.2', 'fd00::2'])
  const settings = { webhookAllow: EVERYTHING, webhookDeny: [], publicUrl: null }
  return createAddressPolicy(settings, server('0.0.0.0', OWN_PORT), server(target, TARGET_PORT), MACHINE)
}

function check(isSo: boolean, what: string, seed: number, host: string): void {
  if (!isSo) throw new Error(`seed ${seed}: ${what}: ${JSON.stringify(host)}`)
}

/** Checks that no spelling of this machine reaches foreman or the target, in a URL or as the address of a name. */
function tryOwnHost(draw: Draw, seed: number): void {
  const policy = policyFor(draw)
  const host = ownHost(draw)
  for (const port of [TARGET_PORT, OWN_PORT]) {
    const url = `${pick(draw, ['http', 'HTTP', 'https'])}://${host}:${pick(draw, ['', '0', '00'])}${port}/api/pull`
    check(
      webhookUrlRefusal(url, policy) !== null,
      `${url} is allowed with the target ${policy.target.names}`,
      seed,
      host,
    )
  }
  const receiver = readReceiver(`http://hook.example.org:${TARGET_PORT}/`)
  const parsed = readReceiver(`http://${host}/`)
  if (typeof receiver === 'string' || typeof parsed === 'string') throw new Error(`seed ${seed}: unreadable ${host}`)
  if (parsed.ip === null) return
  check(addressRefusal(parsed.host, receiver, policy) !== null, 'a name may resolve to it', seed, host)
}

/** Checks that every spelling of one address gets the same verdict, also by the rules of the settings. */
function trySameVerdict(draw: Draw, seed: number): void {
  const value = pick(draw, [draw(2 ** 32), draw(2 ** 32), 0xa9fe_a9fe, 0x0a01_0000 + draw(65_536), ownIpv4(draw)])
  const plain = dotted(value)
  const rule = pick(draw, [plain, `${plain}/${8 + draw(25)}`, `::ffff:${plain}`, `::ffff:${plain}/${104 + draw(25)}`])
  const isAllow = draw(2) === 0
  const settings = { webhookAllow: isAllow ? ['only', rule] : [], webhookDeny: isAllow ? [] : [rule], publicUrl: null }
  const policy = createAddressPolicy(settings, server('::', OWN_PORT), server('127.0.0.1', TARGET_PORT), MACHINE)
  const verdict = (host: string): boolean => webhookUrlRefusal(`http://${host}:9000/`, policy) === null
  check(verdict(plain) === isAllow, `the rule ${rule} does not hold for the address in it`, seed, plain)
  for (const host of [spelledIpv4(value, draw), spelledIpv6((0xffffn << 32n) | BigInt(value), draw)])
    check(verdict(host) === verdict(plain), `it is not judged as ${plain} is, with the rule ${rule}`, seed, host)
}

/** Checks that addresses are read as the URL parser reads them, and that loopback addresses are recognised. */
function tryReading(draw: Draw, seed: number): void {
  const value = ownIpv4(draw)
  const { hostname } = new URL(`http://${spelledIpv4(value, draw)}/`)
  check(readIp(hostname) === dotted(value), 'it is read as another address', seed, hostname)
  check(
    isLoopbackHost(hostname) === (value >>> 24 === 127),
    'loopback is not told from other addresses',
    seed,
    hostname,
  )
}

const TRIES = [tryOwnHost, trySameVerdict, tryReading]

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  let cases = 0
  for (; cases === 0 || !until(); cases++) {
    // Each case has its own seed, which repeats this case alone.
    const own = seed + cases
    const draw = drawFrom(own)
    pick(draw, TRIES)(draw, own)
    if (cases % 1_000 === 999) await new Promise(setImmediate)
  }
  return { cases }
}
