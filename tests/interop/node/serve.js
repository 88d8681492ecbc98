// SPDX-License-Identifier: Apache-2.0
// node serve.js h1|h2: the routes that peers.py tells of, with Node's http or http2. Says "READY 127.0.0.1:PORT".
'use strict'
const {createHash} = require('node:crypto')
const {pattern} = require('./common')
const h2 = process.argv[2] === 'h2'

async function whole(req) {
    const parts = []
    for await (const part of req) parts.push(part)
    return Buffer.concat(parts)
}

const sum = body => `${body.length} ${createHash('sha256').update(body).digest('hex')}`

// Raw headers: the pairs as they came, so that fields that came twice are seen twice.
function named(raw, wanted) {
    const found = {}
    for (let i = 0; i < raw.length; i += 2) {
        const name = raw[i].toLowerCase()
        if (wanted(name)) (found[name] ??= []).push(raw[i + 1])
    }
    return Object.entries(found)
}

const routes = {
    async '/echo'(req, res) {
        const body = await whole(req)
        for (const [name, values] of named(req.rawHeaders, name => name.startsWith('x-in-') || name === 'cookie'))
            res.setHeader('x-got-' + name, name === 'cookie' ? values.join('; ') : values) // HTTP/2's crumbs are one cookie
        res.setHeader('x-method', req.method)
        res.setHeader('x-proto', 'HTTP/' + req.httpVersion)
        res.setHeader('x-uri', req.url)
        res.setHeader('set-cookie', ['a=1', 'b=2'])
        res.end(body)
    },
    async '/sum'(req, res) {
        res.end(sum(await whole(req)))
    },
    '/bytes'(req, res, query) {
        const body = pattern(Number(query.get('n')))
        res.setHeader('content-length', body.length)
        res.end(req.method === 'HEAD' ? undefined : body)
    },
    '/status'(req, res, query) {
        res.writeHead(Number(query.get('code')))
        res.end()
    },
    async '/trailers'(req, res) {
        const body = await whole(req)
        res.setHeader('trailer', 'x-sum')
        res.write('trailed')
        const sent = named(req.rawTrailers ?? [], () => true).map(([name, values]) => [name, values[0]])
        res.addTrailers({'x-sum': sum(body), ...Object.fromEntries(sent)})
        res.end()
    },
    '/hints'(req, res) {
        res.writeEarlyHints({link: '</a.css>; rel=preload'})
        res.end('hinted')
    },
    '/abort'(req, res, query) {
        if (query.get('length')) res.setHeader('content-length', 1000000)
        res.write(pattern(50000), () => (h2 ? res.stream.close(2) : res.socket.resetAndDestroy()))
    },
    '/early'(req, res) {
        res.writeHead(413)
        res.end('too much')
    },
    '/duplex'(req, res) {
        res.writeHead(200)
        res.flushHeaders?.()
        req.pipe(res)
    },
}

function handle(req, res) {
    const url = new URL(req.url, 'http://any')
    if (!routes[url.pathname]) {
        res.writeHead(404)
        res.end()
        return
    }
    Promise.resolve(routes[url.pathname](req, res, url.searchParams)).catch(() => (h2 ? res.stream?.close(2) : res.socket?.destroy()))
}

const server = h2 ? require('node:http2').createServer(handle) : require('node:http').createServer(handle)
server.listen(0, '127.0.0.1', () => console.log('READY', '127.0.0.1:' + server.address().port))
