// SPDX-License-Identifier: Apache-2.0
#include "io/addr.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include "base/err.h"
#include "base/mem.h"

/* sockaddr_storage is read through copies: no aliasing, no alignment to think of. */
static struct sockaddr_in v4(const struct addr *a) {
    struct sockaddr_in in;
    memcpy(&in, &a->sa, sizeof in);
    return in;
}

static struct sockaddr_in6 v6(const struct addr *a) {
    struct sockaddr_in6 in6;
    memcpy(&in6, &a->sa, sizeof in6);
    return in6;
}

static int family(const struct addr *a) {
    return a->len ? a->sa.ss_family : AF_UNSPEC;
}

static bool set_v4(struct addr *a, const char *text, uint16_t port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
        return false;
    *a = (struct addr){.len = sizeof in};
    memcpy(&a->sa, &in, sizeof in);
    return true;
}

static bool set_v6(struct addr *a, const char *text, uint16_t port) {
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        return false;
    *a = (struct addr){.len = sizeof in6};
    memcpy(&a->sa, &in6, sizeof in6);
    return true;
}

static bool set_ip(struct addr *a, struct str ip, uint16_t port) {
    char z[INET6_ADDRSTRLEN + 1];
    if (ip.len >= sizeof z || str_chr(ip, 0) >= 0)
        return false;
    str_z(ip, z, sizeof z);
    return set_v4(a, z, port) || set_v6(a, z, port);
}

int addr_ip(struct addr *a, struct str ip, uint16_t port, struct err *e) {
    *a = (struct addr){0};
    return set_ip(a, ip, port) ? 0 : err_set(e, WEFT_E_INVALID, "not an IP address: " STR_FMT, STR_ARG(str_first(ip, 100)));
}

bool addr_is_ip(struct str text) {
    struct addr a;
    return set_ip(&a, text, 0);
}

static int parse_unix(struct addr *a, struct str path, struct err *e) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof un.sun_path || str_chr(path, 0) >= 0)
        return err_set(e, WEFT_E_INVALID, "a unix socket path has 1 to %zu octets", sizeof un.sun_path - 1);
    memcpy(un.sun_path, path.ptr, path.len);
    memcpy(&a->sa, &un, sizeof un);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return 0;
}

int addr_parse(struct addr *a, struct str text, struct err *e) {
    *a = (struct addr){0};
    if (str_starts(text, STR("unix:")))
        return parse_unix(a, str_from(text, 5), e);
    ptrdiff_t colon = str_rchr(text, ':');
    struct str host = colon < 0 ? text : str_first(text, (size_t)colon);
    uint64_t port;
    if (colon < 0 || !str_u64(str_from(text, (size_t)colon + 1), UINT16_MAX, &port))
        return err_set(e, WEFT_E_INVALID, "not an address (IP:PORT, [IPV6]:PORT or unix:PATH): " STR_FMT,
                       STR_ARG(str_first(text, 100)));
    if (str_eq(host, STR("localhost")))
        host = STR("127.0.0.1");
    bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (brackets)
        host = str_n(host.ptr + 1, host.len - 2);
    /* brackets if, and only if, the host has colons */
    if (brackets != (str_chr(host, ':') >= 0) || !set_ip(a, host, (uint16_t)port))
        return err_set(e, WEFT_E_INVALID, "not an address (IP:PORT, [IPV6]:PORT or unix:PATH): " STR_FMT,
                       STR_ARG(str_first(text, 100)));
    return 0;
}

static struct str unix_path(const struct addr *a) {
    size_t before = offsetof(struct sockaddr_un, sun_path);
    return a->len <= before ? STR_NONE
                            : str_n((const char *)&a->sa + before, strnlen((const char *)&a->sa + before, a->len - before));
}

char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT]) {
    out[0] = 0;
    if (family(a) == AF_INET) {
        struct sockaddr_in in = v4(a);
        inet_ntop(AF_INET, &in.sin_addr, out, ADDR_TEXT);
    } else if (family(a) == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        inet_ntop(AF_INET6, &in6.sin6_addr, out, ADDR_TEXT);
    }
    return out;
}

char *addr_text(const struct addr *a, char out[ADDR_TEXT]) {
    char ip[ADDR_TEXT];
    out[0] = 0;
    if (family(a) == AF_INET)
        snprintf(out, ADDR_TEXT, "%.45s:%u", addr_ip_text(a, ip), addr_port(a));
    else if (family(a) == AF_INET6)
        snprintf(out, ADDR_TEXT, "[%.45s]:%u", addr_ip_text(a, ip), addr_port(a));
    else if (family(a) == AF_UNIX)
        snprintf(out, ADDR_TEXT, "unix:" STR_FMT, STR_ARG(unix_path(a)));
    return out;
}

uint16_t addr_port(const struct addr *a) {
    return family(a) == AF_INET ? ntohs(v4(a).sin_port) : family(a) == AF_INET6 ? ntohs(v6(a).sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port) {
    if (family(a) == AF_INET) {
        struct sockaddr_in in = v4(a);
        in.sin_port = htons(port);
        memcpy(&a->sa, &in, sizeof in);
    } else if (family(a) == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        in6.sin6_port = htons(port);
        memcpy(&a->sa, &in6, sizeof in6);
    }
}

bool addr_is_loopback(const struct addr *a) {
    if (family(a) == AF_INET)
        return ntohl(v4(a).sin_addr.s_addr) >> 24 == 127;
    if (family(a) == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        /* ::ffff:127.0.0.1 is how a socket for both families sees IPv4 */
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == 127);
    }
    return family(a) == AF_UNIX;
}

bool addr_is_any(const struct addr *a) {
    if (family(a) == AF_INET)
        return v4(a).sin_addr.s_addr == INADDR_ANY;
    if (family(a) == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
    }
    return false;
}

bool addr_eq(const struct addr *a, const struct addr *b) {
    if (family(a) != family(b) || addr_port(a) != addr_port(b))
        return false;
    if (family(a) == AF_INET)
        return v4(a).sin_addr.s_addr == v4(b).sin_addr.s_addr;
    if (family(a) == AF_INET6) {
        struct sockaddr_in6 x = v6(a), y = v6(b);
        return IN6_ARE_ADDR_EQUAL(&x.sin6_addr, &y.sin6_addr) && x.sin6_scope_id == y.sin6_scope_id;
    }
    return family(a) != AF_UNIX || str_eq(unix_path(a), unix_path(b));
}

struct ip addr_octets(const struct addr *a) {
    uint8_t octets[16];
    if (family(a) == AF_INET) {
        struct sockaddr_in in = v4(a);
        memcpy(octets, &in.sin_addr, 4);
        return ip_of(octets, 4);
    }
    if (family(a) == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        memcpy(octets, &in6.sin6_addr, 16);
        return ip_of(octets, 16);
    }
    return (struct ip){0};
}

struct addr addr_of_octets(const struct ip *ip, uint16_t port) {
    struct addr a = {0};
    char text[IP_TEXT];
    if (ip->len)
        (void)set_ip(&a, str_of(ip_text(ip, text)), port);
    return a;
}

/* ---- kept in little room ---- */

_Static_assert(AF_INET <= UINT8_MAX && AF_INET6 <= UINT8_MAX && AF_UNIX <= UINT8_MAX, "addr_kept.family");
_Static_assert(sizeof(struct addr_kept) == 32, "addr_kept is small");

void addr_drop(struct addr_kept *k) {
    free(k->path);
    *k = (struct addr_kept){0};
}

void addr_keep(struct addr_kept *k, const struct addr *a) {
    struct addr_kept to = {.family = (uint8_t)family(a)};
    if (to.family == AF_INET) {
        struct sockaddr_in in = v4(a);
        to.port = in.sin_port;
        memcpy(to.ip, &in.sin_addr, 4);
    } else if (to.family == AF_INET6) {
        struct sockaddr_in6 in6 = v6(a);
        to.port = in6.sin6_port;
        to.scope = in6.sin6_scope_id;
        memcpy(to.ip, &in6.sin6_addr, 16);
    } else if (to.family == AF_UNIX && unix_path(a).len) {
        to.path = mem_strdup(unix_path(a));
    }
    addr_drop(k);
    *k = to;
}

struct addr addr_kept(const struct addr_kept *k) {
    struct addr a = {0};
    if (k->family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = k->port};
        memcpy(&in.sin_addr, k->ip, 4);
        memcpy(&a.sa, &in, sizeof in);
        a.len = sizeof in;
    } else if (k->family == AF_INET6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = k->port, .sin6_scope_id = k->scope};
        memcpy(&in6.sin6_addr, k->ip, 16);
        memcpy(&a.sa, &in6, sizeof in6);
        a.len = sizeof in6;
    } else if (k->family == AF_UNIX && k->path) {
        (void)parse_unix(&a, str_of(k->path), NULL);
    } else if (k->family == AF_UNIX) {
        a.sa.ss_family = AF_UNIX;
        a.len = offsetof(struct sockaddr_un, sun_path);
    }
    return a;
}

char *addr_kept_text(const struct addr_kept *k, char out[ADDR_TEXT]) {
    struct addr a = addr_kept(k);
    return addr_text(&a, out);
}
