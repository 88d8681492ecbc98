// SPDX-License-Identifier: Apache-2.0
#include "model/endpoint.h"

struct endpoints *endpoints_new(void) {
    return ref_new(sizeof(struct endpoints), NULL);
}
