#!/usr/bin/env node
// Plain CommonJS for the same reason as the file it loads first.
require('./node-version.cjs')
import('./main.ts')
