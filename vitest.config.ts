import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Vite would load graphql's other build beside the one that Yoga loads, and two builds refuse each other's schemas.
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) },
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Real servers and real sound: two files at a time is what two cores bear.
    maxWorkers: 2,
  },
})
