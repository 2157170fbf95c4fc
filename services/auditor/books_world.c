#include "books_world.h"

#include <stdio.h>
#include <unistd.h>

char path[64];
struct books *b;
struct dr_arena *a;

int setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/drover-books-%d.sqlite",
                   (int)getpid());
    (void)remove(path);
    b = books_open(path, S("m"));
    a = dr_arena_new(1 << 20);
    return 0;
}

int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];

    (void)state;
    books_close(b);
    dr_arena_free(a);
    for (size_t i = 0; i < DR_ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)remove(name);
    }
    return 0;
}

void put_fact(bool refused, uint64_t rev, uint32_t pass, uint64_t dst,
              uint32_t origin)
{
    static const char content[32] = "content";
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .content_hash = {content, sizeof(content)},
                         .refused = refused,
                         .rev = rev,
                         .pass = pass,
                         .dst = dst,
                         .origin = origin};

    books_fact(b, &f);
}

void put_landed_of(uint64_t rev, const char *body, int64_t updated, int64_t ts)
{
    struct dr_landed l = {.rev = rev,
                          .lane = S("deal"),
                          .key = S("deal:d1"),
                          .type = S("deals"),
                          .dst = 77,
                          .how = DR_LANDED_WALK,
                          .body = dr_str_z(body)};

    books_landed(b, &l, ts, updated);
}

void put_landed(const char *body, int64_t updated, int64_t ts)
{
    put_landed_of(0, body, updated, ts);
}
