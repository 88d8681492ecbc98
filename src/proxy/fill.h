// SPDX-License-Identifier: Apache-2.0
#pragma once
/* fill: what the operators of a format (model/format.h) stand for in an exchange: values of headers to be set, lines of access
 * logs. Threads: the worker's. Tests: tests/interop/x103_envoy_headers.py, x104_envoy_access_log.py */
#include "model/listener.h"
struct buf;
struct exch;
struct msg_fields;

/* For a header: an operator without a value is "-" beside other text, and all of the value when it stands alone ("" then).
 * `resp`: the response's fields, NULL before there is one. In the exchange's arena. */
struct str fill_header(struct exch *x, const struct format *f, const struct msg_fields *resp);
/* What of the response's head the log will want: its slices do not live until the line is written. */
void fill_keep(struct exch *x, const struct msg_fields *resp);
void fill_log(struct exch *x, const struct access_log *log, struct buf *out); /* a line, or an object and a newline */
