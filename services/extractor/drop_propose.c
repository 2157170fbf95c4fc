/* A folder without a manifest: what its files could be is written down for a
 * person to check; nothing is guessed in silence. */
#include "drop_private.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <drover/base/buf.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#include "plain.h"

#define FILES_MAX 10000

struct guess {
    struct dr_str object, format, compression;
    struct dr_str from, to; /* of associations; empty: not known */
};

struct proposal {
    struct dr_json_w w;
    const char *dir;
    const struct dr_json *schema; /* or NULL */
};

/* "contact-0001.ndjson.gz", "Deals.csv": the object is what stands before the
 * first '-' or '.'. */
static bool guess_of(struct dr_str name, struct guess *out)
{
    struct dr_str rest = name;
    bool gz = dr_str_ends(rest, DR_STR_LIT(".gz"));

    *out = (struct guess){0};
    rest.n -= gz ? 3 : 0;
    out->compression = gz ? DR_STR_LIT("gzip") : DR_STR_LIT("none");
    if (dr_str_ends(rest, DR_STR_LIT(".ndjson"))) {
        out->format = DR_STR_LIT("ndjson");
    } else if (dr_str_ends(rest, DR_STR_LIT(".csv"))) {
        out->format = DR_STR_LIT("csv");
    } else {
        return false;
    }
    out->object = (struct dr_str){rest.p, strcspn(rest.p, "-.")};
    return out->object.n > 0;
}

/* contact_company: of the schema's pairs the one that is written so. */
static void guess_pair(const struct proposal *p, struct guess *g)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(p->schema, "associations"), "results");
    struct dr_str name = g->object;

    g->object = DR_STR_LIT("association");
    DR_JSON_EACH(pair, list)
    {
        struct dr_str from = dr_json_get_str(pair, "from");
        struct dr_str to = dr_json_get_str(pair, "to");
        if (name.n == from.n + 1 + to.n && dr_str_starts(name, from) &&
            name.p[from.n] == '_' && dr_str_ends(name, to)) {
            g->from = from;
            g->to = to;
        }
    }
}

/* What the bytes show of a text that has no mark. */
static const char *encoding_of(struct dr_str head, bool whole)
{
    size_t cut = 0;

    if (dr_str_starts(head, DR_STR_LIT("\xff\xfe")) ||
        dr_str_starts(head, DR_STR_LIT("\xfe\xff"))) {
        return "utf-16";
    }
    /* Its end may be in the middle of a character. */
    while (!whole && cut < 4 && cut < head.n &&
           !dr_utf8_valid((struct dr_str){head.p, head.n - cut})) {
        cut++;
    }
    return dr_utf8_valid((struct dr_str){head.p, head.n - cut})
               ? "utf-8"
               : "windows-1252";
}

static void write_dialect(struct dr_json_w *w, struct dr_str head, bool whole)
{
    struct dr_csv_dialect d = dr_csv_sniff(head);
    const char *encoding = encoding_of(head, whole);

    dr_json_w_kvz(w, "encoding", encoding);
    if (strcmp(encoding, "utf-16") != 0) {
        dr_json_w_kv(w, "delimiter", (struct dr_str){&d.delimiter, 1});
    }
}

static void write_pair(struct dr_json_w *w, const struct guess *g)
{
    dr_json_w_key(w, "from");
    if (g->from.n > 0) {
        dr_json_w_str(w, g->from);
        dr_json_w_kv(w, "to", g->to);
    } else { /* to be completed */
        dr_json_w_null(w);
        dr_json_w_kvz(w, "to", NULL);
    }
}

struct measured {
    uint64_t bytes, lines;
    char hex[65], head[65536];
    size_t head_n;
};

static bool measure(const char *path, struct measured *m)
{
    char piece[65536];
    struct dr_hash h;
    uint8_t sum[32];
    size_t n;
    FILE *f = plain_open(path);
    bool read;

    if (!f) {
        return false;
    }
    m->bytes = m->lines = m->head_n = 0;
    dr_hash_init(&h);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        if (m->bytes == 0) {
            memcpy(m->head, piece, n);
            m->head_n = n;
        }
        dr_hash_bytes(&h, (struct dr_str){piece, n});
        m->bytes += n;
        for (size_t i = 0; i < n; i++) {
            m->lines += piece[i] == '\n';
        }
    }
    read = ferror(f) == 0;
    (void)fclose(f);
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), m->hex);
    return read;
}

static void write_file(struct dr_json_w *w, const char *path,
                       const struct guess *g, const struct measured *m)
{
    bool csv = dr_str_eqz(g->format, "csv");
    bool packed = dr_str_eqz(g->compression, "gzip");

    dr_json_w_obj(w);
    dr_json_w_kvz(w, "path", path);
    dr_json_w_kv(w, "object", g->object);
    dr_json_w_kv(w, "format", g->format);
    dr_json_w_kv(w, "compression", g->compression);
    dr_json_w_key(w, "rows");
    if (packed) {
        dr_json_w_null(w); /* to be counted */
    } else {
        dr_json_w_u64(w, m->lines - (m->lines > 0 && csv));
    }
    dr_json_w_kvi(w, "bytes", (int64_t)m->bytes);
    dr_json_w_kvz(w, "sha256", m->hex);
    if (csv && !packed) {
        write_dialect(w, (struct dr_str){m->head, m->head_n},
                      m->bytes == m->head_n);
    } else {
        dr_json_w_kvz(w, "encoding", "utf-8");
    }
    if (dr_str_eqz(g->object, "association")) {
        write_pair(w, g);
    }
    dr_json_w_end(w);
}

static void one_file(struct proposal *p, const char *sub, struct dr_str name)
{
    char path[5200];
    struct measured *m;
    struct guess g;

    if (!guess_of(name, &g)) {
        return;
    }
    if (strcmp(sub, "associations/") == 0) {
        guess_pair(p, &g);
    } else if (strcmp(sub, "events/") == 0) {
        g.object = DR_STR_LIT("event");
    } else if (sub[0] == '\0' && dr_str_eqz(g.object, "tombstones")) {
        g.object = DR_STR_LIT("tombstone");
    } else if (sub[0] == '\0' && dr_str_eqz(g.object, "changes")) {
        return; /* for simulators */
    }
    m = dr_xcalloc(1, sizeof(*m));
    (void)snprintf(path, sizeof(path), "%s/%s" DR_STR_FMT, p->dir, sub,
                   DR_STR_ARG(name));
    if (measure(path, m)) {
        (void)snprintf(path, sizeof(path), "%s" DR_STR_FMT, sub,
                       DR_STR_ARG(name));
        write_file(&p->w, path, &g, m);
    }
    free(m);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void folder(struct proposal *p, const char *sub)
{
    char path[5200];
    char **names = NULL;
    size_t n = 0;
    const struct dirent *e;
    DIR *d;

    (void)snprintf(path, sizeof(path), "%s/%s", p->dir, sub);
    d = opendir(path);
    while (d && n < FILES_MAX && (e = readdir(d)) != NULL) {
        names = dr_xrealloc(names, (n + 1) * sizeof(*names));
        names[n++] = dr_xstrdup(e->d_name);
    }
    if (d) {
        (void)closedir(d);
    }
    if (n > 1) {
        qsort(names, n, sizeof(*names), by_name);
    }
    for (size_t i = 0; i < n; i++) {
        one_file(p, sub, dr_str_z(names[i]));
        free(names[i]);
    }
    free(names);
}

static void write_all(struct proposal *p, struct dr_buf *out)
{
    dr_json_w_init(&p->w, out);
    p->w.pretty = true;
    dr_json_w_obj(&p->w);
    dr_json_w_kvz(&p->w, "profile", "fasttrack/1");
    dr_json_w_kvz(&p->w, "contract", "1");
    dr_json_w_kvz(&p->w, "produced_at", NULL);
    dr_json_w_key(&p->w, "files");
    dr_json_w_arr(&p->w);
    folder(p, "");
    folder(p, "objects/");
    folder(p, "associations/");
    folder(p, "events/");
    dr_json_w_end(&p->w);
    dr_json_w_end(&p->w);
}

int drop_propose(const char *dir, const struct dr_json *schema,
                 struct dr_err *err)
{
    struct proposal p = {.dir = dir, .schema = schema};
    char path[5200];
    struct dr_buf b;
    FILE *f;
    bool written;

    dr_buf_init(&b, (size_t)16 << 20);
    write_all(&p, &b);
    (void)snprintf(path, sizeof(path), "%s/manifest.proposed.json", dir);
    f = fopen(path, "wbe");
    written = f && fwrite(b.p, 1, b.n, f) == b.n;
    written = f && fclose(f) == 0 && written;
    dr_buf_done(&b);
    return dr_err_set(err, DR_HALT, 0, "source folder",
                      written ? "no manifest.json: what the files could be is "
                                "in manifest.proposed.json; check it, complete "
                                "it, name it manifest.json and start again"
                              : "no manifest.json, and a proposal cannot be "
                                "written there: make the folder writable");
}
