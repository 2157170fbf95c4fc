/*
 * Memory for libcurl that is wiped when it is given back: it holds headers
 * with tokens, and bodies with secrets, in buffers of its own.
 */
#include "memory_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

/* Stands before each piece, and keeps what follows aligned. */
struct head {
    _Alignas(16) size_t n;
};

static struct head *head_of(void *p)
{
    return (struct head *)p - 1;
}

static void *take(size_t n)
{
    struct head *h = n < SIZE_MAX - sizeof(*h) ? malloc(sizeof(*h) + n) : NULL;

    if (!h) {
        return NULL;
    }
    h->n = n;
    return h + 1;
}

static void give_back(void *p)
{
    if (p) {
        struct head *h = head_of(p);
        explicit_bzero(p, h->n);
        free(h);
    }
}

static void *resize(void *p, size_t n)
{
    void *q = take(n);

    if (q && p) {
        size_t had = head_of(p)->n;
        memcpy(q, p, had < n ? had : n);
        give_back(p);
    }
    return q;
}

static char *copy(const char *z)
{
    size_t n = strlen(z) + 1;
    char *p = take(n);

    return p ? memcpy(p, z, n) : NULL;
}

static void *take_zeroed(size_t count, size_t size)
{
    size_t n;
    void *p = __builtin_mul_overflow(count, size, &n) ? NULL : take(n);

    return p ? memset(p, 0, n) : NULL;
}

int memory_start_curl(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, give_back, resize,
                                copy, take_zeroed) == CURLE_OK
               ? 0
               : -1;
}
