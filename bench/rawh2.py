# SPDX-License-Identifier: Apache-2.0
"""As much HTTP/2 (RFC 9113) as a client needs that asks one question at a time, and a server that answers it: no library, nothing
that varies from run to run."""

import socket
import struct
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
# HPACK, static table only: :method GET, :scheme http, :path /, :authority bench
REQUEST = bytes([0x82, 0x86, 0x84, 0x01, 5]) + b"bench"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Frames:
    """A connection as frames: acknowledges SETTINGS and PING, passes on the rest."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.pending = sock, b""

    def _take(self, n: int) -> bytes:
        while len(self.pending) < n:
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError("closed by the peer")
            self.pending += got
        taken, self.pending = self.pending[:n], self.pending[n:]
        return taken

    def __iter__(self) -> Iterator[tuple[int, int, int, bytes]]:
        while True:
            head = self._take(9)
            payload = self._take(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big")
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.sock.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
            yield kind, flags, stream, payload


class Client:
    """Asks for / on one connection, one request after another."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.frames, self.stream, self.owed = sock, Frames(sock), 1, b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def get(self) -> None:
        """Returns when the whole answer is there; raises when it is reset, or not a 200."""
        asked, self.stream = self.stream, self.stream + 2
        self.sock.sendall(self.owed + frame(HEADERS, END_STREAM | END_HEADERS, asked, REQUEST))
        received = 0
        for kind, flags, stream, payload in self.frames:
            if kind in (RST_STREAM, GOAWAY):
                raise ConnectionError(f"frame {kind}: {payload!r}")
            if kind == HEADERS and payload[:1] != b"\x88":  # :status 200, the first field and indexed
                raise ConnectionError(f"not a 200: {payload!r}")
            received += len(payload) if kind == DATA else 0
            if stream == asked and kind in (DATA, HEADERS) and flags & END_STREAM:
                # What was received is given back to the connection's window with the next request.
                self.owed = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", received)) if received else b""
                return


def serve(sock: socket.socket, body: bytes) -> None:
    """Answers every request on the connection with 200 and the body, until the peer closes it."""
    length = str(len(body)).encode()
    head = b"\x88\x0f\x0d" + bytes([len(length)]) + length  # :status 200; content-length (28 of the static table), not indexed
    frames = Frames(sock)
    frames._take(len(PREFACE))
    sock.sendall(frame(SETTINGS, 0, 0))
    for kind, flags, stream, _ in frames:
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            sock.sendall(frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, body))
