// Validates an HTTP archive against the schema of HAR 1.2: validate.mjs FOLDER-OF-MODULES FILE

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [modules, file] = process.argv.slice(2)
const { har } = createRequire(`${modules}/`)('har-validator/lib/promise')
const archive = JSON.parse(readFileSync(file, 'utf8'))
try {
  await har(archive)
  console.log(`${archive.log.entries.length} entries`)
} catch (why) {
  console.log(JSON.stringify((why.errors ?? [String(why)]).slice(0, 5)))
  process.exitCode = 1
}
