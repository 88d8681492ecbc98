// SPDX-License-Identifier: Apache-2.0
#pragma once
/* takeover_msg: what two weft proxies say to each other while the newer takes over from the older, a JSON object per message
 * (io/fdpass.h):
 *
 *   newer: hello {protocol, pid, version}
 *   older: offer {protocol, pid, version, sockets}, then `sockets` times socket {kind, name} with its descriptors
 *   newer: ready, once it serves
 *   older: yours; from then on it drains
 *
 * Instead of any of these: cancel {why}, and the end of the connection. Until it has said "yours" the older one serves as if
 * nothing was. Unknown members are ignored, so that later versions may say more; what cannot be understood without more needs
 * another protocol number. Pure. Threads: any. Tests: tests/unit/proxy/takeover_msg.c, tests/fuzz/takeover_msg.c */
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

#define TAKEOVER_PROTOCOL 1u
#define TAKEOVER_SOCKETS 4096u /* messages of sockets at most */
#define TAKEOVER_NAME 4096u    /* octets of a name */

enum takeover_type { TAKEOVER_HELLO, TAKEOVER_OFFER, TAKEOVER_SOCKET, TAKEOVER_READY, TAKEOVER_YOURS, TAKEOVER_CANCEL };
enum takeover_kind {
    TAKEOVER_LISTENER, /* name: the listener's; one descriptor per socket of it */
    TAKEOVER_ADMIN,
    TAKEOVER_PATH, /* the listening socket of --takeover; name: its path */
    TAKEOVER_LOCK, /* the lock of the data directory; name: the directory */
};

struct takeover_msg {
    enum takeover_type type;
    unsigned protocol, pid; /* HELLO, OFFER */
    unsigned sockets;       /* OFFER */
    enum takeover_kind kind;
    struct str text; /* version, name or why; in `text` of the message read, or borrowed */
};
void takeover_msg_write(const struct takeover_msg *m, struct buf *out);
/* m->text is put into *mem, and valid as long as that. */
int takeover_msg_read(struct takeover_msg *m, struct str in, struct buf *mem, struct err *e) MUST_CHECK;
