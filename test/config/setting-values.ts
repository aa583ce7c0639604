// Values and invalid texts that several rows of the table of settings share.

export const DAY = 86_400_000
export const MIB = 2 ** 20

export const neverADuration = [
  ['', 'not a whole number'],
  ['5', 'did you mean 5s'],
  ['5 minutes', 'not a whole number'],
  ['-1s', 'negative'],
  ['1.5h', 'not a whole number'],
  ['1e9h', 'not a whole number'],
  ['1h30m', 'not a whole number'],
  ['2d', 'did you mean 48h'],
  ['∞', 'not a whole number'],
  ['10S', 'not a whole number'],
  ['99999999999999999999h', 'too long'],
] as const

export const neverASize = [
  ['', 'not a whole number'],
  ['10MB', 'did you mean 10MiB'],
  ['10mib', 'did you mean 10MiB'],
  ['10m', 'did you mean 10MiB'],
  ['-1', 'negative'],
  ['1.5GiB', 'not a whole number'],
  ['lots', 'not a whole number'],
] as const

export const neverAnInteger = [
  ['', 'not a whole number'],
  ['1.5', 'not a whole number'],
  ['1e3', 'not a whole number'],
  ['0x10', 'not a whole number'],
  ['many', 'not a whole number'],
] as const

export const neverAUrl = [
  ['', 'no scheme'],
  ['localhost:11434', 'did you mean http://localhost:11434'],
  ['mac.local', 'did you mean http://mac.local'],
  ['//mac.local', 'did you mean http://mac.local'],
  ['ftp://mac.local', 'scheme ftp'],
  ['file:///etc/passwd', 'scheme file'],
  ['http://user:word@mac.local', 'credentials'],
  ['http://user@mac.local', 'credentials'],
  ['http://mac.local/?a=b', 'query'],
  ['http://mac.local/?', 'query'],
  ['http://mac.local/#a', 'fragment'],
  ['http://mac.local:0', 'port 0'],
  ['http://mac.local:70000', 'not a URL'],
  ['http://mac .local', 'space'],
  ['http://mac.\tlocal', 'space'],
  ['http://', 'not a URL'],
] as const

export const neverAToken = [
  ['changeme', 'placeholder'],
  ['ChangeMe', 'placeholder'],
  ['two words', 'space'],
  ['line\nbreak', 'line break'],
  ['schlüssel', 'header'],
] as const

export const neverARule = [
  ['', 'empty item'],
  ['10.0.0.0/33', 'prefix that is too long'],
  ['fd00::/129', 'prefix that is too long'],
  ['router.lan/8', 'no address before the slash'],
  ['10.0.0.256', 'neither an address'],
  ['a b', 'neither an address'],
  ['http://router.lan', 'neither an address'],
  ['10.0.0.0/8,', 'empty item'],
] as const

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))
