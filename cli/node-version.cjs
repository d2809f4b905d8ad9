// Plain CommonJS, so that a Node too old for the TypeScript files it is loaded before can still say so.
const [major, minor] = process.versions.node.split('.').map(Number)
const runsTypeScript = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
if (!runsTypeScript) {
  process.stderr.write(
    `Refrain needs Node 22.18 or newer, this is ${process.versions.node} (${process.execPath}).\n` +
      'On Linux (x64, arm64) `npm ci` brings the right one along, unless optional packages are left out; elsewhere install it from https://nodejs.org.\n',
  )
  process.exit(1)
}
