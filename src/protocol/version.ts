// Version of this release, for daemon, command line and client. A constant, because bundles and browsers cannot read
// package.json; a test compares the two.

export const VERSION = '0.1.0'
