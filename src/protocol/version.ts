// Owns the number of this release, for daemon, command line and client. A test holds it to package.json: a constant
// survives bundling and runs in browsers, where a file beside the code does not exist.

export const VERSION = '0.1.0'
