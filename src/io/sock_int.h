// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sock_int: what sock.c and sock_listen.c share. Threads: any. */
#include "io/addr.h"

void sock__tcp_options(int fd);  /* TCP_NODELAY and keep-alive; sockets that a listening one accepts inherit them */
struct addr sock__local(int fd); /* getsockname; len 0 when there is none */
