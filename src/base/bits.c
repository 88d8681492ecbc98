// SPDX-License-Identifier: Apache-2.0
#include "base/bits.h"
#include "base/mem.h"

#define WORD 64u
#define PAGE (BITS_WORDS * WORD)

void bits_fini(struct bits *b) {
    for (unsigned i = 0; i < b->n_pages; i++)
        free(b->pages[i]);
    free(b->pages);
    *b = (struct bits){0};
}

static uint64_t bit_of(unsigned number) {
    return (uint64_t)1 << number % WORD;
}

/* The word that holds it, or NULL. */
static uint64_t *word_of(const struct bits *b, unsigned number) {
    uint64_t(*page)[BITS_WORDS] = number / PAGE < b->n_pages ? b->pages[number / PAGE] : NULL;
    return page ? &(*page)[number % PAGE / WORD] : NULL;
}

static void need_page(struct bits *b, unsigned page) {
    if (page >= b->n_pages) {
        b->pages = mem_realloc(b->pages, (page + 1) * sizeof *b->pages);
        memset(b->pages + b->n_pages, 0, (page + 1 - b->n_pages) * sizeof *b->pages);
        b->n_pages = page + 1;
    }
    if (!b->pages[page])
        b->pages[page] = mem_alloc(sizeof **b->pages);
}

void bits_add(struct bits *b, unsigned number) {
    need_page(b, number / PAGE);
    *word_of(b, number) |= bit_of(number);
}

static bool is_empty(uint64_t (*page)[BITS_WORDS]) {
    uint64_t all = 0;
    for (unsigned i = 0; i < BITS_WORDS; i++)
        all |= (*page)[i];
    return !all;
}

/* What is behind the last page goes with it. */
static void drop_pages(struct bits *b) {
    while (b->n_pages && !b->pages[b->n_pages - 1])
        b->n_pages--;
    if (!b->n_pages)
        bits_fini(b);
}

void bits_remove(struct bits *b, unsigned number) {
    uint64_t *word = word_of(b, number);
    unsigned page = number / PAGE;
    if (!word)
        return;
    *word &= ~bit_of(number);
    if (*word || !is_empty(b->pages[page]))
        return;
    free(b->pages[page]);
    b->pages[page] = NULL;
    drop_pages(b);
}

bool bits_has(const struct bits *b, unsigned number) {
    const uint64_t *word = word_of(b, number);
    return word && *word & bit_of(number);
}

bool bits_next(const struct bits *b, unsigned *at) {
    for (unsigned i = *at; i / PAGE < b->n_pages;) {
        const uint64_t *word = word_of(b, i);
        uint64_t rest = word ? *word >> i % WORD : 0;
        if (rest) {
            *at = i + (unsigned)__builtin_ctzll(rest);
            return true;
        }
        i = word ? (i / WORD + 1) * WORD : (i / PAGE + 1) * PAGE;
    }
    return false;
}
