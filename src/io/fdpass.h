// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fdpass: short messages with descriptors between two processes of one user, over SOCK_SEQPACKET Unix sockets (unix(7),
 * SCM_RIGHTS): what an in-place upgrade hands listening sockets over with. A message comes whole or not at all, the end of the
 * peer is seen. Threads: any. Tests: tests/unit/io/fdpass.c */
#include "base/buf.h"
#include "base/err.h"
#include "io/addr.h"

#define FDPASS_FDS 128u    /* descriptors in one message; the kernel takes 253 */
#define FDPASS_TEXT 16384u /* octets of text in one message */

struct fdpass_msg { /* zeros are an empty one */
    struct buf text;
    int fds[FDPASS_FDS];
    unsigned n_fds;
};
void fdpass_fini(struct fdpass_msg *m); /* closes the descriptors that are still in it */

int fdpass_pair(int fds[2], struct err *e) MUST_CHECK; /* two connected ends */
bool fdpass_adopt(int fd); /* is it a descriptor of that kind? Then children of ours do not get it (close-on-exec) */
/* Listens at `path`, which only our own user may open (0600). A file that nobody listens at is replaced. WEFT_E_EXISTS: somebody
 * does. */
int fdpass_listen(struct str path, struct err *e) MUST_CHECK;
/* A peer's end; WEFT_E_AGAIN without one, WEFT_E_DENIED for one of another user (it is closed), WEFT_E_LIMIT when there is no
 * descriptor or memory for it (it waits on). */
int fdpass_accept(int listener, struct err *e) MUST_CHECK;
/* WEFT_E_NOT_FOUND when nobody listens there; WEFT_E_DENIED when somebody else than our own user does. */
int fdpass_connect(struct str path, struct err *e) MUST_CHECK;
/* Sends `text` and copies of the descriptors, which stay the caller's. WEFT_E_AGAIN: no room now; WEFT_E_CLOSED: nobody is there
 * any more. */
int fdpass_send(int fd, struct str text, const int *fds, unsigned n, struct err *e) MUST_CHECK;
/* One message: 1, 0 at the peer's end, WEFT_E_AGAIN when none has come (`wait_ms` 0: at once). Descriptors are close-on-exec and
 * the caller's. */
int fdpass_recv(int fd, struct fdpass_msg *m, int wait_ms, struct err *e) MUST_CHECK;
/* Is it a listening stream socket, and where? */
bool fdpass_is_listener(int fd, struct addr *where);
