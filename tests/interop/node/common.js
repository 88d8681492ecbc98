// SPDX-License-Identifier: Apache-2.0
// What the peers in Node share.
'use strict'
const assert = require('node:assert/strict')

/** What /bytes answers with, and what the clients expect. */
function pattern(n) {
    const period = Buffer.from(Array.from({length: 251}, (_, i) => i))
    return Buffer.alloc(n, period)
}

/** Runs the cases named; says "ok NAME" for each, or fails. */
async function runCases(cases, names) {
    for (const name of names) {
        try {
            await cases[name]()
        } catch (why) {
            console.log('FAIL', name, why.message, why.stack)
            process.exit(1)
        }
        console.log('ok', name)
    }
    process.exit(0)
}

module.exports = {assert, pattern, runCases}
