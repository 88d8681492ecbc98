// SPDX-License-Identifier: Apache-2.0
// node client.js h1|h2 HOST:PORT AUTHORITY CASE...: the cases that peers.py tells of, with Node's http or http2.
'use strict'
const {createHash} = require('node:crypto')
const {Readable} = require('node:stream')
const http = require('node:http')
const http2 = require('node:http2')
const {assert, pattern, runCases} = require('./common')

const [proto, address, authority, ...names] = process.argv.slice(2)
const [host, port] = address.split(':')
const BIG = 8 << 20
const sum = body => `${body.length} ${createHash('sha256').update(body).digest('hex')}`

function session() {
    session.one ??= http2.connect('http://' + authority, {createConnection: () => require('node:net').connect(port, host)})
    return session.one
}
const agent = new http.Agent({keepAlive: true})

/** A call: {stream to write to, answer: promise of {status, headers, stream to read from, info}}. */
function open(method, path, headers = {}) {
    const info = []
    if (proto === 'h2') {
        const stream = session().request({':method': method, ':path': path, ...headers}, {endStream: false, waitForTrailers: 'trailer' in headers})
        stream.on('headers', h => info.push(h))
        const answer = new Promise((resolve, reject) => {
            stream.on('response', h => resolve({status: h[':status'], headers: h, stream, info, cookies: h['set-cookie']}))
            stream.on('error', reject)
            stream.on('aborted', () => stream.destroy(new Error('aborted')))
        })
        return {stream, answer}
    }
    const stream = http.request({host, port, method, path, agent, headers: {host: authority, ...headers}})
    stream.on('information', i => info.push({':status': i.statusCode, ...i.headers}))
    const answer = new Promise((resolve, reject) => {
        stream.on('response', r => resolve({status: r.statusCode, headers: r.headers, stream: r, info, cookies: r.headers['set-cookie']}))
        stream.on('error', reject)
    })
    return {stream, answer}
}

async function read(stream) {
    const parts = []
    for await (const part of stream) parts.push(part)
    if (stream.rstCode) throw new Error('reset ' + stream.rstCode)
    return Buffer.concat(parts)
}

/** A call to its end: the body is whole, or it throws. */
async function call(method, path, headers, body) {
    const {stream, answer} = open(method, path, headers)
    if (body instanceof Readable) body.pipe(stream)
    else stream.end(body)
    const r = await answer
    r.body = await read(r.stream)
    return r
}

const cases = {
    async echo() {
        const cookie = proto === 'h2' ? ['x=1', 'y=2'] : 'x=1; y=2' // HTTP/2 splits it into crumbs, RFC 9113 §8.2.3
        const r = await call('PUT', '/echo?a=%2f&b', {'x-in-twice': ['one', 'two'], cookie}, 'hello')
        assert.equal(r.status, 200)
        assert.equal(r.body.toString(), 'hello')
        assert.equal(r.headers['x-method'], 'PUT')
        assert.equal(r.headers['x-uri'], '/echo?a=%2f&b')
        assert.equal(r.headers['x-got-x-in-twice'], 'one, two')
        assert.equal(r.headers['x-got-cookie'], 'x=1; y=2')
        assert.deepEqual(r.cookies, ['a=1', 'b=2'])
    },
    async head() {
        const r = await call('HEAD', '/bytes?n=1234567')
        assert.equal(r.status, 200)
        assert.equal(r.headers['content-length'], '1234567')
        assert.equal(r.body.length, 0)
    },
    async none() {
        for (const code of [204, 304]) {
            const r = await call('GET', '/status?code=' + code)
            assert.equal(r.status, code)
            assert.equal(r.body.length, 0)
        }
    },
    async upload() {
        const data = pattern(BIG)
        for (const [headers, body] of [[{'content-length': BIG}, data], [{}, Readable.from([data.subarray(0, 100001), data.subarray(100001)])]]) {
            const r = await call('POST', '/sum', headers, body)
            assert.equal(r.status, 200)
            assert.equal(r.body.toString(), sum(data))
        }
    },
    async download() {
        const r = await call('GET', '/bytes?n=' + BIG)
        assert.equal(r.headers['content-length'], String(BIG))
        assert.equal(sum(r.body), sum(pattern(BIG)))
    },
    async expect() {
        const {stream, answer} = open('POST', '/sum', {expect: '100-continue'})
        await new Promise(resolve => stream.once('continue', resolve))
        stream.end('waited')
        const r = await answer
        assert.equal(r.status, 200)
        assert.equal((await read(r.stream)).toString(), sum(Buffer.from('waited')))
    },
    async trailers() {
        const framing = proto === 'h2' ? {} : {'transfer-encoding': 'chunked'}
        const {stream, answer} = open('POST', '/trailers', {te: 'trailers', trailer: 'x-t-sent', ...framing})
        if (proto === 'h2') stream.once('wantTrailers', () => stream.sendTrailers({'x-t-sent': 'by client'}))
        else stream.addTrailers({'x-t-sent': 'by client'})
        stream.end('abc')
        const r = await answer
        const trailers = new Promise(resolve => r.stream.once(proto === 'h2' ? 'trailers' : 'end', h => resolve(h ?? r.stream.trailers)))
        assert.equal((await read(r.stream)).toString(), 'trailed')
        assert.equal((await trailers)['x-sum'], sum(Buffer.from('abc')))
        assert.equal((await trailers)['x-t-sent'], 'by client')
    },
    async hints() {
        const r = await call('GET', '/hints')
        assert.deepEqual(r.info.map(i => [i[':status'], i.link]), [[103, '</a.css>; rel=preload']])
        assert.equal(r.status, 200)
        assert.equal(r.body.toString(), 'hinted')
    },
    async abort() {
        for (const path of ['/abort', '/abort?length=1']) await assert.rejects(call('GET', path), path + ': a message cut short ended cleanly')
    },
    async early() {
        const {stream, answer} = open('POST', '/early')
        stream.write(pattern(1 << 20)) // and never ended
        const r = await answer
        assert.equal(r.status, 413)
        assert.equal((await read(r.stream)).toString(), 'too much')
        stream.destroy()
    },
    /** Each word comes back before the next is sent. */
    async duplex() {
        const {stream, answer} = open('POST', '/duplex')
        stream.write('begin')
        const back = (await answer).stream
        let got = 0
        let told
        back.on('data', part => {
            got += part.length
            told?.()
        })
        let sent = 5
        for (let i = 0; i < 20; i++) {
            while (got < sent) await new Promise(resolve => (told = resolve))
            stream.write(pattern(1 + i * 1000))
            sent += 1 + i * 1000
        }
        stream.end()
        await new Promise(resolve => back.once('end', resolve))
        assert.equal(got, sent)
    },
    /** 100 at once, none gets another's answer. */
    async many() {
        const texts = Array.from({length: 100}, (_, i) => String(i).repeat(1 + i * 50))
        const answers = await Promise.all(texts.map(text => call('POST', '/echo', {}, text)))
        assert.deepEqual(answers.map(r => r.body.toString()), texts)
    },
}

runCases(cases, names)
