// SPDX-License-Identifier: Apache-2.0
// As h1_read.c, by llhttp: the one inside Node.
'use strict';
process.removeAllListeners('warning');
process.noDeprecation = true;
const { HTTPParser, methods, allMethods } = process.binding('http_parser');
const hex = (s) => Buffer.from(s, 'latin1').toString('hex');
const input = require('fs').readFileSync(0);

function read(kind, octets) {
  const messages = [];
  let now, flushed;
  const parser = new HTTPParser();
  parser.initialize(kind === 'Q' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 1 << 20, 0);
  parser[HTTPParser.kOnMessageBegin] = () => { now = undefined; flushed = []; };
  parser[HTTPParser.kOnHeaders] = (headers, url) => {
    flushed.push(...headers);
    if (url && !now) flushed.url = (flushed.url || '') + url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, url, status, reason, upgrade, keepAlive) => {
    const all = [...flushed, ...(headers || [])], fields = [];
    for (let i = 0; i < all.length; i += 2) fields.push([hex(all[i]), hex(all[i + 1])]);
    now = { fields, body: '', whole: false, start: kind === 'Q' ? [hex((allMethods || methods)[method]), hex(url || flushed.url || '')] : [status], keepAlive, upgrade };
    messages.push(now);
    return upgrade ? 2 : 0;
  };
  parser[HTTPParser.kOnBody] = (b, start, length) => {
    now.body += (start === undefined ? b : b.subarray(start, start + length)).toString('hex');
  };
  parser[HTTPParser.kOnMessageComplete] = () => { now.whole = true; };
  const got = parser.execute(octets);
  let error = got instanceof Error ? got.code : '';
  if (!error && kind === 'R') {
    const end = parser.finish();
    if (end instanceof Error) error = end.code;
  }
  return { messages, error };
}

for (let at = 0; at < input.length;) {
  const n = input.readUInt32BE(at + 1), octets = input.subarray(at + 5, at + 5 + n);
  console.log(JSON.stringify(read(String.fromCharCode(input[at]), octets)));
  at += 5 + n;
}
