// SPDX-License-Identifier: Apache-2.0
#pragma once
/* endpoint: where a cluster's instances are (envoy.config.endpoint.v3.ClusterLoadAssignment). */
#include "model/ref.h"

enum endpoint_health { ENDPOINT_HEALTHY, ENDPOINT_UNHEALTHY, ENDPOINT_DRAINING };

#define PRIORITY_MAX 128u

struct endpoint {
    struct str id;      /* of the registration or sidecar; may be empty */
    struct str address; /* IP literal, host name (STRICT_DNS), or "unix:PATH" */
    struct str name;    /* of the host, for requests that are rewritten to it (auto_host_rewrite); may be empty */
    uint16_t port;      /* 0 for unix */
    enum endpoint_health health;
    uint32_t weight;   /* >= 1; 1 when not stated */
    uint32_t priority; /* 0 is asked first; at most PRIORITY_MAX */
    bool mtls;         /* a sidecar is there: mutual TLS (Envoy: metadata envoy.transport_socket_match tlsMode=istio) */
};

struct endpoints { /* a resource (EDS) */
    struct ref ref;
    struct str cluster;  /* the EDS name */
    struct endpoint *at; /* in order of addition */
    size_t n;
    uint32_t overprovisioning; /* percent; 0: the default */
};
struct endpoints *endpoints_new(void);
