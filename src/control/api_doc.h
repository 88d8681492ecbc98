// SPDX-License-Identifier: Apache-2.0
#pragma once
/* api_doc: the REST API described, from the tables of calls (api_calls.h) and fields (schema.h): docs/reference/rest.md, and the
 * OpenAPI 3.1 document that is served. Threads: any. Tests: tests/unit/control/api_doc.c, tests/interop/i042_schemathesis.py */
#include "codec/json.h"

void api_doc(struct buf *out);      /* the page, in Markdown */
json_t *api_openapi_document(void); /* a new reference */
