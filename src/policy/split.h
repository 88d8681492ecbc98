// SPDX-License-Identifier: Apache-2.0
#pragma once
/* split: smooth weighted shares by walking instead of drawing: which part does the nth request belong to? Stateless but for n, so
 * one shared counter serves all workers. Bresenham's line, nested: the first part takes its share of all requests, the second its
 * share of the rest, and so on. In any prefix every part is off by less than one request for each part up to it; over one period
 * (the sum of the weights) the shares are exact. Threads: any. Tests: tests/unit/policy/split.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is the nth (from 0) of a sequence in a share of part/whole? part <= whole, whole > 0. */
bool split_takes(uint64_t part, uint64_t whole, uint64_t nth);
/* The index of the part for the nth request. weight(ctx, i) for i < n; the sum must be > 0 and below 2^63. */
size_t split_pick(uint64_t (*weight)(const void *ctx, size_t i), const void *ctx, size_t n, uint64_t nth);
