// SPDX-License-Identifier: Apache-2.0
// node grpc_client.js HOST:PORT AUTHORITY CASE...: the cases of python/grpc_client.py, with grpc-js.
'use strict'
const grpc = require('@grpc/grpc-js')
const {ECHO, OPTIONS} = require('./grpc_echo')
const {assert, pattern, runCases} = require('./common')

const [address, authority, ...names] = process.argv.slice(2)
const Stub = grpc.makeGenericClientConstructor(ECHO, 'Echo')
const stub = new Stub(address, grpc.credentials.createInsecure(), {...OPTIONS, 'grpc.default_authority': authority})

const json = value => Buffer.from(JSON.stringify(value))

/** A unary call: {answer, why, head, trailer}. */
function ask(name, request, metadata = new grpc.Metadata(), options = {}) {
    return new Promise(resolve => {
        const got = {}
        const done = () => 'answer' in got && 'status' in got && resolve(got)
        const call = stub[name](request, metadata, options, (why, answer) => {
            Object.assign(got, {why, answer})
            done()
        })
        call.on('metadata', head => (got.head = head))
        call.on('status', status => {
            Object.assign(got, {status, trailer: status.metadata})
            done()
        })
    })
}

/** All messages of a call, and its status. */
function all(call) {
    const messages = []
    return new Promise(resolve => {
        call.on('data', message => messages.push(message))
        call.on('error', () => {})
        call.on('status', status => resolve({messages, status}))
    })
}

async function cancelled() {
    return Number((await ask('Cancelled', Buffer.alloc(0))).answer)
}

/** Waits until the server has noticed one more. */
async function noticed(before) {
    const end = Date.now() + 30000
    while ((await cancelled()) <= before) {
        assert.ok(Date.now() < end, 'the server never noticed')
        await new Promise(resolve => setTimeout(resolve, 20))
    }
}

runCases(
    {
        async unary() {
            for (const message of [Buffer.from('hello'), Buffer.alloc(0), pattern(4 << 20)]) {
                const {why, answer} = await ask('Unary', message)
                assert.equal(why, null)
                assert.deepEqual(answer, message)
            }
        },
        async metadata() {
            const m = new grpc.Metadata()
            m.add('x-in', 'one')
            m.add('x-in', 'two')
            m.add('x-in-bin', Buffer.from([0, 1, 254, 255]))
            const {head, trailer} = await ask('Unary', Buffer.from('m'), m)
            assert.deepEqual(head.get('x-got-x-in').join(', '), 'one, two')
            assert.deepEqual(head.get('x-got-x-in-bin'), [Buffer.from([0, 1, 254, 255])])
            assert.deepEqual(trailer.get('x-trail-bin'), [Buffer.from([0, 255])])
            assert.deepEqual(trailer.get('x-trail').join(', '), 'a, b')
        },
        async status() {
            for (const code of [1, 3, 5, 7, 8, 9, 13, 14, 16]) {
                const message = `no: ${code}, 100 % \t ☺`
                const {why} = await ask('Fail', json({code, message}))
                assert.equal(why.code, code)
                assert.equal(why.details, message)
                assert.deepEqual(why.metadata.get('grpc-status-details-bin'), [Buffer.from([8, 5, 0, 255])])
            }
        },
        async unimplemented() {
            assert.equal((await ask('Unknown', Buffer.alloc(0))).why.code, grpc.status.UNIMPLEMENTED)
        },
        async collect() {
            const answer = await new Promise((resolve, reject) => {
                const call = stub.Collect((why, answer) => (why ? reject(why) : resolve(answer)))
                for (let i = 0; i < 50; i++) call.write(pattern(i * 1000))
                call.end()
            })
            assert.equal(answer.toString(), '50 1225000')
        },
        async spread() {
            const {messages, status} = await all(stub.Spread(json({n: 100, size: 20000})))
            assert.equal(status.code, 0)
            assert.deepEqual(messages.map(m => [m.length, m[0], m.at(-1)]), Array.from({length: 100}, (_, i) => [20000, i, i]))
        },
        async chat() {
            const call = stub.Chat()
            for (let i = 0; i < 30; i++) {
                call.write(pattern(i * 1000))
                const back = await new Promise(resolve => call.once('data', resolve))
                assert.deepEqual(back, pattern(i * 1000))
            }
            const end = all(call)
            call.end()
            assert.deepEqual((await end).messages, [])
            assert.equal((await end).status.code, 0)
        },
        async many() {
            const answers = await Promise.all(Array.from({length: 100}, (_, i) => ask('Unary', Buffer.from(String(i).repeat(1 + i * 50)))))
            assert.deepEqual(answers.map(a => a.answer.toString()), Array.from({length: 100}, (_, i) => String(i).repeat(1 + i * 50)))
        },
        async cancel() {
            const before = await cancelled()
            const call = stub.Hang(Buffer.alloc(0))
            call.once('data', () => call.cancel())
            assert.equal((await all(call)).status.code, grpc.status.CANCELLED)
            await noticed(before)
        },
        async deadline() {
            const before = await cancelled()
            const {messages, status} = await all(stub.Hang(Buffer.alloc(0), {deadline: Date.now() + 1000}))
            assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED)
            assert.equal(messages.length, 1)
            await noticed(before)
        },
    },
    names,
)
