// SPDX-License-Identifier: Apache-2.0
/* The messages that stand by themselves: resources, and what an Any may hold. */
#include "bootstrap.pb-c.h"
#include "brotli.pb-c.h"
#include "cluster.pb-c.h"
#include "compressor.pb-c.h"
#include "endpoint.pb-c.h"
#include "file.pb-c.h"
#include "gzip.pb-c.h"
#include "hcm.pb-c.h"
#include "http_options.pb-c.h"
#include "http_rbac.pb-c.h"
#include "listener.pb-c.h"
#include "network_rbac.pb-c.h"
#include "original_dst.pb-c.h"
#include "proxy_protocol.pb-c.h"
#include "raw_buffer.pb-c.h"
#include "rbac.pb-c.h"
#include "route.pb-c.h"
#include "router.pb-c.h"
#include "stdout.pb-c.h"
#include "tcp_proxy.pb-c.h"
#include "tls.pb-c.h"
#include "tls_inspector.pb-c.h"
#include "upstream_proxy_protocol.pb-c.h"
#include "weft.pb-c.h"
#include "xds/pbjson_int.h"
#include "zstd.pb-c.h"

static const ProtobufCMessageDescriptor *const types[] = {
    &eas__stderr_access_log__descriptor,
    &eas__stdout_access_log__descriptor,
    &ebs__bootstrap__descriptor,
    &ecb__brotli__descriptor,
    &ecg__gzip__descriptor,
    &ecl__cluster__descriptor,
    &ecz__zstd__descriptor,
    &ee__cluster_load_assignment__descriptor,
    &eaf__file_access_log__descriptor,
    &eh__http_connection_manager__descriptor,
    &ehc__compressor__descriptor,
    &ehc__compressor_per_route__descriptor,
    &ehr__rbac__descriptor,
    &el__listener__descriptor,
    &enr__rbac__descriptor,
    &eod__original_dst__descriptor,
    &epp__proxy_protocol__descriptor,
    &er__route_configuration__descriptor,
    &erb__rbac__descriptor,
    &erb_raw__raw_buffer__descriptor,
    &ertr__router__descriptor,
    &eti__tls_inspector__descriptor,
    &etp__tcp_proxy__descriptor,
    &etls__downstream_tls_context__descriptor,
    &etls__secret__descriptor,
    &etls__upstream_tls_context__descriptor,
    &eupp__proxy_protocol_upstream_transport__descriptor,
    &euh__http_protocol_options__descriptor,
    &wv__circuit_breaker__descriptor,
    &wv__listener_options__descriptor,
    &wv__peak_ewma__descriptor,
    &wv__route_options__descriptor,
};

const ProtobufCMessageDescriptor *pbjson_type(struct str name) {
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (str_eq(name, str_of(types[i]->name)))
            return types[i];
    return NULL;
}
