// Prints how many tests passed and failed, and then every failure, from vitest's report in JSON: node summary.mjs FILE
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
console.log(report.numPassedTests, report.numFailedTests)
for (const { name, message, assertionResults } of report.testResults) {
  if (message) console.log(`FAILED: ${name}\n${message}`)
  for (const { status, fullName, failureMessages } of assertionResults) {
    if (status === 'failed') console.log(`FAILED: ${name}: ${fullName}\n${failureMessages.join('\n')}`)
  }
}
