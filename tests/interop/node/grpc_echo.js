// SPDX-License-Identifier: Apache-2.0
// /weft.Echo/ for grpc-js, without protobuf: messages are octets.
'use strict'

const same = octets => octets
const method = (name, requestStream, responseStream) => ({
    path: '/weft.Echo/' + name,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
})

exports.ECHO = {
    Unary: method('Unary', false, false),
    Fail: method('Fail', false, false),
    Collect: method('Collect', true, false),
    Spread: method('Spread', false, true),
    Chat: method('Chat', true, true),
    Hang: method('Hang', false, true),
    Cancelled: method('Cancelled', false, false),
    Unknown: method('Unknown', false, false), // by no server: taken out before it is offered
}
exports.OPTIONS = {'grpc.max_receive_message_length': 1 << 24, 'grpc.max_send_message_length': 1 << 24}
