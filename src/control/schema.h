// SPDX-License-Identifier: Apache-2.0
#pragma once
/* schema: the one table of every REST body and of the mesh configuration: fields, types, bounds, defaults, a line of
 * documentation each. It validates JSON, fills in defaults, and makes the reference pages (api_doc.h).
 * Strict: unknown fields are errors, numbers are numbers; null stands for the default, and is a value only where the table says
 * so. Errors name the path of the field: "load_balancing.policy: must be one of …".
 * Threads: any. Tests: tests/unit/control/schema.c */
#include "codec/json.h"

enum schema_type {
    T_BOOL,
    T_INT,
    T_NUM,
    T_STR,
    T_WORD,   /* a string out of `words` */
    T_STRS,   /* a list of strings */
    T_LABELS, /* an object of strings */
    T_OBJ,    /* an object of the schema `of` */
    T_OBJS,   /* a list of them */
    T_MAP,    /* an object of them, by name */
};

struct schema;
struct schema_field {
    const char *name, *doc;
    enum schema_type type;
    bool needed;
    bool null;        /* null is a value, and the default when `dflt` is NULL */
    bool sparse;      /* defaults inside are not filled in: what is absent is somebody else's to say */
    const char *dflt; /* JSON; NULL: nothing is filled in (objects: their own defaults) */
    double min, max;  /* of numbers and of list lengths (max 0: unbounded); of strings: octets */
    bool above;       /* numbers: must be more than `min` */
    const char *words;
    int (*check)(struct str s, struct err *e); /* of strings, list elements, values of T_LABELS: < 0 and why, without the path */
    int (*key)(struct str s, struct err *e);   /* of the names in T_LABELS and T_MAP */
    const char *pattern, *key_pattern; /* the same as regular expressions (ECMA 262), for api_openapi.c; they may be laxer */
    const char *formats;               /* or as JSON Schema's formats, "a|b" */
    const struct schema *of;
};
struct schema {
    const char *name, *doc; /* for the reference pages */
    const struct schema_field *at;
    size_t n;
    int (*check)(const json_t *object, struct err *e); /* of the whole, after its fields; message begins with a field's name */
    bool open;                                         /* other fields are kept as they are */
    const struct schema *base;                         /* of answers: has the fields of that one, too */
};

extern const struct schema schema_register, schema_traffic_rule, schema_security_rule, schema_issue, schema_config;
/* Answers, which nobody judges: they are here for the reference pages. What is not `needed` may be absent. */
extern const struct schema schema_status, schema_rule_added, schema_service, schema_proxy, schema_endpoint,
    schema_traffic_rule_shown, schema_security_rule_shown, schema_any_traffic_rule, schema_issued, schema_metrics,
    schema_control_status, schema_event, schema_error;

/* Validates `in` and gives a new object with every field in the table's order, defaults filled in. WEFT_E_INVALID. */
int schema_apply(const struct schema *s, const json_t *in, json_t **out, struct err *e) MUST_CHECK;
/* Validates a merge patch: only what is there is judged, null is allowed everywhere. */
int schema_check_patch(const struct schema *s, const json_t *patch, struct err *e) MUST_CHECK;

#define HEALTH_PATH_MAX 2048u /* octets of a health_check_path */

/* Rules for strings that more than bodies need. 0, or WEFT_E_INVALID and why. */
int check_name(struct str s, struct err *e);      /* DNS label: services and namespaces */
int check_id(struct str s, struct err *e);        /* ids of endpoints */
int check_path(struct str s, struct err *e);      /* begins with '/', no control characters */
int check_label_key(struct str s, struct err *e); /* 1 to 253 printable octets without '=' */
int check_label_value(struct str s, struct err *e);
int check_service_key(struct str s, struct err *e); /* "NS/NAME" */
