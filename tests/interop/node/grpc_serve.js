// SPDX-License-Identifier: Apache-2.0
// A gRPC server of grpc-js: /weft.Echo/ as peers.py tells of it, messages as plain octets. Says "READY 127.0.0.1:PORT".
'use strict'
const grpc = require('@grpc/grpc-js')
const {ECHO: {Unknown, ...ECHO}, OPTIONS} = require('./grpc_echo')

let cancelled = 0

const server = new grpc.Server(OPTIONS)
server.addService(ECHO, {
    Unary(call, callback) {
        const head = new grpc.Metadata()
        for (const name of Object.keys(call.metadata.getMap())) {
            if (name.startsWith('x-in')) for (const value of call.metadata.get(name)) head.add('x-got-' + name, value)
        }
        call.sendMetadata(head)
        const trailer = new grpc.Metadata()
        trailer.add('x-trail-bin', Buffer.from([0, 255]))
        trailer.add('x-trail', 'a')
        trailer.add('x-trail', 'b')
        callback(null, call.request, trailer)
    },
    Fail(call, callback) {
        const metadata = new grpc.Metadata()
        metadata.add('grpc-status-details-bin', Buffer.from([8, 5, 0, 255]))
        const {code, message} = JSON.parse(call.request)
        callback({code, details: message, metadata})
    },
    Collect(call, callback) {
        let n = 0
        let octets = 0
        call.on('data', message => {
            n += 1
            octets += message.length
        })
        call.on('end', () => callback(null, Buffer.from(`${n} ${octets}`)))
    },
    Spread(call) {
        const {n, size} = JSON.parse(call.request)
        for (let i = 0; i < n; i++) call.write(Buffer.alloc(size, i % 256))
        call.end()
    },
    Chat(call) {
        call.on('data', message => call.write(message))
        call.on('end', () => call.end())
    },
    Hang(call) {
        call.on('cancelled', () => (cancelled += 1))
        call.write(Buffer.from('begun'))
    },
    Cancelled(call, callback) {
        callback(null, Buffer.from(String(cancelled)))
    },
})
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (why, port) => {
    if (why) throw why
    console.log('READY', '127.0.0.1:' + port)
})
