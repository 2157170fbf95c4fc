/*
 * A bump allocator with a byte budget. One record, one arena: everything a
 * record needs is allocated here and dropped by one reset. The budget caps a
 * hostile record; when it is used up dr_arena_alloc returns NULL. Running out
 * of system memory ends the process (DR_EXIT_NOMEM).
 */
#ifndef DROVER_BASE_ARENA_H
#define DROVER_BASE_ARENA_H

#include <stddef.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/str.h>

struct dr_arena;

struct dr_arena *dr_arena_new(size_t max_bytes);
void dr_arena_free(struct dr_arena *a); /* NULL is fine */
DR_DEFINE_AUTO(dr_arena)
/* Forgets all allocations; keeps at most one block of 256 KiB. */
void dr_arena_reset(struct dr_arena *a);
/* So, and what was there reads zero: for secrets. Not what dr_arena_take has
 * taken over. */
void dr_arena_wipe(struct dr_arena *a);
size_t dr_arena_used(const struct dr_arena *a);

/* 16-byte aligned, zeroed. NULL when the budget is used up. */
void *dr_arena_alloc(struct dr_arena *a, size_t n) DR_MUSTCHECK;
/* n * size with overflow check. */
void *dr_arena_calloc(struct dr_arena *a, size_t n, size_t size) DR_MUSTCHECK;
/* Copies end in a NUL beyond n. On a used-up budget: p NULL, n 0. */
struct dr_str dr_arena_dup(struct dr_arena *a, struct dr_str s);
char *dr_arena_dupz(struct dr_arena *a, struct dr_str s);
/* The contents of a buffer, which is empty afterwards. Those of a large one are
 * not copied: its memory goes over to the arena. On a used-up budget they are
 * dropped: p NULL, n 0. */
struct dr_str dr_arena_take(struct dr_arena *a, struct dr_buf *b);
struct dr_str dr_arena_printf(struct dr_arena *a, const char *fmt, ...)
    DR_PRINTF(2, 3);

/* malloc family that succeeds or ends the process. */
void *dr_xmalloc(size_t n);
void *dr_xcalloc(size_t n, size_t size);
void *dr_xrealloc(void *p, size_t n);
char *dr_xstrdup(const char *z);
char *dr_xstrndup(struct dr_str s);

#endif
