// SPDX-License-Identifier: Apache-2.0
#pragma once
/* admin: what the proxy tells about itself, by Envoy's paths and in Envoy's shapes as far as they have a meaning here: /ready
 * /stats /stats/prometheus /config_dump /clusters /listeners /certs /server_info /memory, and what changes something, by POST
 * only: /logging /drain_listeners /healthcheck/fail|ok /reset_counters /quitquitquit. On loopback or a Unix socket only (the
 * command line sees to it). Threads: main. Tests: tests/scenario/b029_admin.py, b070_admin_pages.py */
#include "base/err.h"
struct proxy;

int admin_start(struct proxy *p, struct err *e) MUST_CHECK; /* where the proxy's configuration says; nothing without an address */
void admin_stop(struct proxy *p);                           /* before proxy_close; NULL and one that is off are fine */
