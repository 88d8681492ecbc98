// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_options: what a listener or cluster says about its HTTP/2 connections (Http2ProtocolOptions); zeros are the proxy's
 * defaults. */
#include <stdint.h>

struct h2_options {
    uint32_t max_streams;                /* at a time, of a connection */
    uint32_t stream_window, conn_window; /* octets that the peer may send ahead */
};
