// SPDX-License-Identifier: Apache-2.0
#include "xds/fields.h"

#define F(number, name, use, why) {number, #name, FIELD_##use, why},
#define M(id, message, ...) static const struct xds_field id##_rows[] = {__VA_ARGS__};
#include "xds/fields.def"
#undef M

static const struct xds_fields table[] = {
#define M(id, message, ...) {message, id##_rows, sizeof(id##_rows) / sizeof(*id##_rows)},
#include "xds/fields.def"
#undef M
};
#undef F

#define N_TABLE (sizeof(table) / sizeof(*table))

const struct xds_fields *xds_fields_of(const char *message) {
    size_t from = 0, to = N_TABLE;
    while (from < to) {
        size_t mid = (from + to) / 2;
        int order = strcmp(message, table[mid].message);
        if (order == 0)
            return &table[mid];
        if (order < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

const struct xds_field *xds_field_by_number(const struct xds_fields *f, unsigned number) {
    for (size_t i = 0; f && i < f->n; i++)
        if (f->at[i].number == number)
            return &f->at[i];
    return NULL;
}

const struct xds_field *xds_field_by_name(const struct xds_fields *f, struct str name) {
    for (size_t i = 0; f && i < f->n; i++)
        if (str_eq(name, str_of(f->at[i].name)))
            return &f->at[i];
    return NULL;
}
