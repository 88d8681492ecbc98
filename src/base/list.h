// SPDX-License-Identifier: Apache-2.0
#pragma once
/* list: an intrusive doubly linked ring. The head is a node of its own. One owner. Tests: tests/unit/base/list.c */
#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"

struct list {
    struct list *next, *prev; /* both NULL: a node in no list (after list_remove or zeroing) */
};

static inline void list_init(struct list *head) {
    head->next = head->prev = head;
}
static inline bool list_empty(const struct list *head) {
    return head->next == head || head->next == NULL;
}
static inline bool list_linked(const struct list *node) {
    return node->next != NULL;
}
static inline void list_insert_before(struct list *at, struct list *node) {
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}
static inline void list_push(struct list *head, struct list *node) { /* at the end */
    list_insert_before(head, node);
}
static inline void list_push_front(struct list *head, struct list *node) {
    list_insert_before(head->next, node);
}
static inline void list_remove(struct list *node) { /* a node in no list stays as it is */
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}
static inline struct list *list_pop(struct list *head) { /* the first, removed; NULL when empty */
    if (list_empty(head))
        return NULL;
    struct list *n = head->next;
    list_remove(n);
    return n;
}

#define list_entry(node, type, member) container_of(node, type, member)
/* The body may remove `n`, and nothing else. */
#define LIST_FOR(n, head)                                                                                                        \
    for (struct list *n = (head)->next, *n##_next_ = n ? n->next : NULL; n && n != (head); n = n##_next_, n##_next_ = n->next)
