#include <stdlib.h>

#include <sim/sim.h>

struct journal {
    FILE *file;
    long *at; /* where line i begins; seq i + 1 */
    size_t n, cap;
};

struct journal *journal_new(void)
{
    struct journal *j = dr_xcalloc(1, sizeof(*j));

    j->file = tmpfile();
    if (!j->file) {
        dr_die(DR_EXIT_FAILURE, "journal", "no temporary file");
    }
    return j;
}

int64_t journal_next(const struct journal *j)
{
    return (int64_t)j->n + 1;
}

void journal_add(struct journal *j, struct dr_str line)
{
    if (j->n == j->cap) {
        j->cap = j->cap ? j->cap * 2 : 1024;
        j->at = dr_xrealloc(j->at, j->cap * sizeof(*j->at));
    }
    (void)fseek(j->file, 0, SEEK_END);
    j->at[j->n++] = ftell(j->file);
    (void)fwrite(line.p, 1, line.n, j->file);
    (void)fputc('\n', j->file);
}

void journal_read(const struct journal *j, int64_t after, struct dr_buf *out)
{
    char chunk[65536];
    size_t got;

    if (after < 0 || (size_t)after >= j->n) {
        return;
    }
    (void)fflush(j->file);
    (void)fseek(j->file, j->at[after], SEEK_SET);
    while ((got = fread(chunk, 1, sizeof(chunk), j->file)) > 0) {
        dr_buf_add(out, chunk, got);
    }
}
