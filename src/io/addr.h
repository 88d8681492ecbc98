// SPDX-License-Identifier: Apache-2.0
#pragma once
/* addr: socket addresses as people write them: "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock". No name resolution.
 * Threads: any. Tests: tests/unit/io/addr.c */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/str.h"
#include "codec/ip.h"
struct err;

struct addr {
    struct sockaddr_storage sa;
    socklen_t len; /* 0: no address */
};

struct addr_kept { /* the same in 32 octets: for what there are many of; zeros are no address */
    char *path;    /* of a Unix socket that has a name; owned */
    uint32_t scope;
    uint16_t port; /* in the octets' order of the network, as `ip` */
    uint8_t family, ip[16];
};

#define ADDR_TEXT 128 /* octets that addr_text needs at most */

/* IP literal and port, "localhost:PORT" (127.0.0.1) or unix:PATH. */
int addr_parse(struct addr *a, struct str text, struct err *e) __attribute__((warn_unused_result));
int addr_ip(struct addr *a, struct str ip, uint16_t port, struct err *e) __attribute__((warn_unused_result)); /* IP literal */
bool addr_is_ip(struct str text);                              /* an IPv4 or IPv6 literal (without brackets) */
char *addr_text(const struct addr *a, char out[ADDR_TEXT]);    /* as addr_parse reads it; returns out */
char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT]); /* the IP alone, without brackets; "" for unix */
uint16_t addr_port(const struct addr *a);                      /* 0 for unix */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_loopback(const struct addr *a); /* 127/8, ::1 and unix */
bool addr_is_any(const struct addr *a);      /* 0.0.0.0 and :: */
bool addr_eq(const struct addr *a, const struct addr *b);
void addr_keep(struct addr_kept *k, const struct addr *a); /* in place of what was there */
struct addr addr_kept(const struct addr_kept *k);
void addr_drop(struct addr_kept *k);
char *addr_kept_text(const struct addr_kept *k, char out[ADDR_TEXT]);
struct ip addr_octets(const struct addr *a);                    /* the IP alone; none for unix */
struct addr addr_of_octets(const struct ip *ip, uint16_t port); /* len 0 for none */
