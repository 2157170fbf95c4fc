/*
 * dr-feed: plays the auditor and the transformer towards a loader, and checks
 * the ledger it leaves. For tests.
 *
 *   dr-feed BROKERS MIGRATION PARTITIONS feed    JSON lines on standard input
 *   dr-feed BROKERS MIGRATION PARTITIONS facts   the fold of every ledger
 *
 * A line is {"control": {…}}, {"file": {…}} or {"load": {…}}; see the functions
 * of those names. A text that ends in MARKER gets the record's marker there.
 * `facts` prints one line a fact in the order of the log, one an unsettled
 * attempt at the end, and fails when a DONE changes the id of its key, unless
 * a removal came before or a lead became a contact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/base/map.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>
#include <drover/ledger/ledger.h>
#include <drover/service/service.h>

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define WAIT_MS 30000
#define ITEMS_MAX 256

static struct dr_service svc;
static struct dr_producer *out;
static struct dr_arena *arena;

static struct dr_str text(const struct dr_json *j, const char *key)
{
    return dr_json_scalar(dr_json_get(j, key));
}

static uint64_t number(const struct dr_json *j, const char *key)
{
    return (uint64_t)dr_json_get_i64(j, key, 0);
}

static const uint8_t plan_hash[32] = "the plan that the tests approve";

static void send(const char *stage, struct dr_str lane, int32_t partition,
                 struct dr_str key, struct dr_env *env)
{
    char topic[DR_TOPIC_MAX], name[32];

    (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(lane));
    dr_service_send(&svc, out,
                    dr_topic(&svc, topic, stage, lane.n > 0 ? name : NULL),
                    partition, key, env, NULL, NULL);
}

static void control(const struct dr_json *j)
{
    struct dr_env env = {.kind = DR_MSG_CONTROL};
    struct dr_str lanes[16];
    struct dr_str approvals[16];
    size_t n = 0, approved = 0;

    DR_JSON_EACH(e, dr_json_get(j, "lanes"))
    {
        if (n < DR_ARRAY_LEN(lanes)) {
            lanes[n++] = dr_json_str(e);
        }
    }
    DR_JSON_EACH(e, dr_json_get(j, "approvals"))
    {
        if (approved < DR_ARRAY_LEN(approvals)) {
            approvals[approved++] = dr_json_str(e);
        }
    }
    env.u.control = (struct dr_control){
        .seq = number(j, "seq"),
        .phase = text(j, "phase"),
        .paused = dr_json_true(dr_json_get(j, "paused")),
        .plan_hash = {(const char *)plan_hash, sizeof(plan_hash)},
        .pass = (uint32_t)number(j, "pass"),
        .scope = DR_STR_LIT("all"),
        .open_lanes = lanes,
        .open_lane_count = n,
        .catalog_seq = number(j, "catalog_seq"),
        .approvals = approvals,
        .approval_count = approved,
        .file_limit = number(j, "file_limit"),
        .profile_check = number(j, "profile_check")};
    send("control", (struct dr_str){NULL, 0}, 0, DR_STR_LIT("state"), &env);
}

static enum dr_value_kind kind_of(const struct dr_json *v)
{
    switch (dr_json_type(v)) {
    case DR_JSON_STRING:
        return DR_VAL_TEXT;
    case DR_JSON_NUMBER:
        return DR_VAL_NUMBER;
    case DR_JSON_TRUE:
    case DR_JSON_FALSE:
        return DR_VAL_BOOL;
    case DR_JSON_ARRAY:
    case DR_JSON_OBJECT:
        return DR_VAL_JSON;
    default:
        return DR_VAL_NULL;
    }
}

/* {"name": "x", …} as fields. */
static size_t fields(const struct dr_json *obj, struct dr_field *list)
{
    size_t n = 0;

    DR_JSON_EACH(v, obj)
    {
        if (n < ITEMS_MAX) {
            list[n++] = (struct dr_field){
                .name = v->key,
                .rule = v->key,
                .kind = kind_of(v),
                .value = v->type == DR_JSON_STRING ? v->text : v->raw};
        }
    }
    return n;
}

static struct dr_ref reference(const struct dr_json *r)
{
    struct dr_str miss = text(r, "on_miss");

    return (struct dr_ref){.field = text(r, "field"),
                           .rule = text(r, "field"),
                           .lane = text(r, "lane"),
                           .key = text(r, "key"),
                           .primary = dr_json_true(dr_json_get(r, "primary")),
                           .on_miss =
                               dr_str_eqz(miss, "orphan")   ? DR_MISS_ORPHAN
                               : dr_str_eqz(miss, "reject") ? DR_MISS_REJECT
                                                            : DR_MISS_DROP,
                           .dst = number(r, "dst")};
}

static enum dr_load_how how_of(struct dr_str how)
{
    static const char *const names[] = {"", "single",   "bulk",
                                        "", "two_step", "merge"};

    for (size_t i = 1; i < DR_ARRAY_LEN(names); i++) {
        if (how.n > 0 && dr_str_eqz(how, names[i])) {
            return (enum dr_load_how)i;
        }
    }
    return DR_HOW_SINGLE;
}

static size_t lines(const struct dr_json *list, struct dr_line *outl)
{
    size_t n = 0;

    DR_JSON_EACH(e, list)
    {
        struct dr_field *f = dr_arena_calloc(arena, ITEMS_MAX, sizeof(*f));
        DR_ASSERT(f && n < ITEMS_MAX);
        outl[n].id = text(e, "id");
        outl[n].version = 1;
        outl[n].fields = f;
        outl[n].field_count = fields(dr_json_get(e, "fields"), f);
        outl[n].product = reference(dr_json_get(e, "product"));
        n++;
    }
    return n;
}

/* ---- files ---- */

#define FILES_MAX 1024
#define CHUNK ((size_t)512 << 10)

static struct file {
    char id[64];
    int32_t partition;
    int64_t first, last;
    uint64_t size;
    uint8_t sha256[DR_SHA256];
} files[FILES_MAX];
static size_t file_count;

static void chunk_out(void *ctx, int32_t partition, int64_t offset)
{
    struct file *f = ctx;

    f->partition = partition;
    f->first = f->first < 0 || offset < f->first ? offset : f->first;
    f->last = offset > f->last ? offset : f->last;
}

/* {"id": "1", "path": "/…"}: its bytes to the topic, as the extractor does. */
static void file(const struct dr_json *j)
{
    struct dr_str id = text(j, "id");
    struct file *f = &files[file_count++];
    char topic[DR_TOPIC_MAX], path[512], bytes[CHUNK];
    struct dr_hash h;
    size_t n;
    FILE *in;

    DR_ASSERT(file_count < FILES_MAX);
    (void)snprintf(path, sizeof(path), DR_STR_FMT, DR_STR_ARG(text(j, "path")));
    (void)snprintf(f->id, sizeof(f->id), DR_STR_FMT, DR_STR_ARG(id));
    f->first = f->last = -1;
    in = fopen(path, "rb");
    DR_ASSERT(in);
    dr_hash_init(&h);
    while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0) {
        dr_hash_bytes(&h, (struct dr_str){bytes, n});
        dr_producer_send(out, dr_topic(&svc, topic, "files", NULL),
                         dr_partition(id, svc.partitions), id,
                         (struct dr_str){bytes, n}, chunk_out, f);
        f->size += n;
    }
    dr_hash_final(&h, f->sha256);
    (void)fclose(in);
    DR_ASSERT(dr_producer_flush(out, WAIT_MS) == 0);
}

/* {"of": "1"}: the file as it was sent in this run; further members spoil it.
 */
static void blob(const struct dr_json *j, struct dr_blob *b)
{
    static uint8_t other[DR_SHA256];

    for (size_t i = 0; j && i < file_count; i++) {
        const struct file *f = &files[i];
        if (!dr_str_eqz(text(j, "of"), f->id)) {
            continue;
        }
        *b = (struct dr_blob){
            .state = DR_BLOB_STORED,
            .partition = f->partition,
            .first_offset = f->first < 0 ? 0 : f->first,
            .last_offset = (f->last < 0 ? 0 : f->last) +
                           dr_json_get_i64(j, "more_chunks", 0),
            .size = f->size + (uint64_t)dr_json_get_i64(j, "more_bytes", 0),
            .sha256 = {(const char *)(dr_json_true(dr_json_get(j, "other_hash"))
                                          ? other
                                          : f->sha256),
                       DR_SHA256}};
    }
    if (j && b->state == DR_BLOB_STORED && number(j, "state") > 0) {
        b->state = (enum dr_blob_state)number(j, "state");
    }
}

static void load(const struct dr_json *j)
{
    static struct dr_field f[ITEMS_MAX];
    static struct dr_ref refs[ITEMS_MAX];
    static struct dr_line parts[ITEMS_MAX];
    struct dr_env env = {.kind = DR_MSG_LOAD};
    struct dr_load *l = &env.u.load;
    uint8_t hash[DR_SHA256];
    char marker[33];
    size_t n = 0;
    struct dr_str key;

    DR_JSON_EACH(r, dr_json_get(j, "refs"))
    {
        refs[n++] = reference(r);
    }
    key = dr_arena_printf(arena, DR_STR_FMT ":" DR_STR_FMT,
                          DR_STR_ARG(text(j, "object")),
                          DR_STR_ARG(text(j, "id")));
    /* "same": what makes two records of different passes one content */
    dr_sha256(dr_json_get(j, "same") ? dr_json_get_str(j, "same") : j->raw,
              hash);
    dr_marker_hex(DR_STR_LIT("k"), dr_str_z(svc.migration), 0, text(j, "type"),
                  key, marker);
    *l = (struct dr_load){
        .lane = text(j, "lane"),
        .key = key,
        .object = text(j, "object"),
        .id = text(j, "id"),
        .rev = number(j, "rev"),
        .version = 1,
        .pass = (uint32_t)number(j, "pass"),
        .plan_hash = {(const char *)plan_hash, 32},
        .content_hash = {(const char *)hash, sizeof(hash)},
        .marker = dr_str_z(marker),
        .type = text(j, "type"),
        .op = dr_json_true(dr_json_get(j, "patch"))    ? DR_LOAD_PATCH
              : dr_json_true(dr_json_get(j, "delete")) ? DR_LOAD_DELETE
                                                       : DR_LOAD_WRITE,
        .how = how_of(text(j, "how")),
        .ident = text(j, "ident"),
        .other_name = text(j, "other_name"),
        .other_first = dr_json_true(dr_json_get(j, "other_first")),
        .hides = text(j, "hides"),
        .dst = number(j, "dst"),
        .fields = f,
        .field_count = fields(dr_json_get(j, "fields"), f),
        .refs = refs,
        .ref_count = n,
        .lines = parts,
        .line_count = lines(dr_json_get(j, "lines"), parts),
        .origin = dr_json_true(dr_json_get(j, "tail")) ? DR_ORIGIN_TAIL
                                                       : DR_ORIGIN_SNAPSHOT};
    blob(dr_json_get(j, "blob"), &l->blob);
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_ends(f[i].value, DR_STR_LIT("MARKER"))) {
            struct dr_str head = {f[i].value.p, f[i].value.n - 6};
            f[i].value = dr_arena_printf(arena, DR_STR_FMT "[%s]",
                                         DR_STR_ARG(head), marker);
        }
    }
    if (l->how == DR_HOW_TWO_STEP) {
        l->working_name = dr_arena_printf(
            arena, DR_STR_FMT " [%s]",
            DR_STR_ARG(text(dr_json_get(j, "fields"), "name")), marker);
    }
    send("load", l->lane, dr_partition(l->id, svc.partitions), key, &env);
}

/* What the transformer sets aside whole. */
static void rejected(const struct dr_json *j)
{
    struct dr_env env = {.kind = DR_MSG_REJECTED};
    struct dr_str id = text(j, "id");
    struct dr_str key =
        dr_arena_printf(arena, DR_STR_FMT ":" DR_STR_FMT,
                        DR_STR_ARG(text(j, "object")), DR_STR_ARG(id));

    env.u.rejected =
        (struct dr_rejected){.object = text(j, "object"),
                             .id = id,
                             .part_id = text(j, "part"),
                             .stage = text(j, "stage"),
                             .class = DR_STR_LIT("bad_value"),
                             .pass = (uint32_t)number(j, "pass"),
                             .partial = dr_json_true(dr_json_get(j, "partial")),
                             .redrivable = true};
    send("rejected", (struct dr_str){NULL, 0}, dr_partition(id, svc.partitions),
         key, &env);
}

static int feed(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct dr_err err;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        const struct dr_json *doc;
        struct dr_str s = {line, (size_t)n};
        dr_arena_reset(arena);
        doc = dr_json_parse(arena, dr_str_trim(s), NULL, &err);
        if (!doc) {
            (void)fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        if (dr_json_get(doc, "control")) {
            control(dr_json_get(doc, "control"));
        } else if (dr_json_get(doc, "file")) {
            file(dr_json_get(doc, "file"));
        } else if (dr_json_get(doc, "rejected")) {
            rejected(dr_json_get(doc, "rejected"));
        } else if (dr_json_get(doc, "load")) {
            load(dr_json_get(doc, "load"));
        }
    }
    free(line);
    return dr_producer_flush(out, WAIT_MS) ? 1 : 0;
}

/* ---- facts ---- */

static void print_fact(const char *lane, int32_t p,
                       const struct dr_ledger_fact *f)
{
    static const char *const states[] = {"nothing", "done", "created",
                                         "refused", "deleted"};

    (void)printf("{\"lane\":\"%s\",\"partition\":%d,\"offset\":%lld,"
                 "\"key\":\"" DR_STR_FMT "\",\"state\":\"%s\",\"dst\":%llu,"
                 "\"rev\":%llu,\"pass\":%u,\"class\":\"" DR_STR_FMT "\"}\n",
                 lane, (int)p, (long long)f->offset, DR_STR_ARG(f->key),
                 states[f->state], (unsigned long long)f->dst,
                 (unsigned long long)f->rev, (unsigned)f->pass,
                 DR_STR_ARG(f->class));
}

static int check_dst(struct dr_map *ids, const struct dr_ledger_fact *f)
{
    struct dr_str lead =
        dr_arena_printf(arena, "lead|" DR_STR_FMT, DR_STR_ARG(f->key));
    uintptr_t had = (uintptr_t)dr_map_get(ids, f->key);

    if (f->state == DR_LEDGER_DELETED ||
        (dr_map_del(ids, lead) && dr_str_eqz(f->type, "contacts"))) {
        (void)dr_map_del(ids, f->key);
        had = 0;
    }
    if (f->state == DR_LEDGER_DONE && dr_str_eqz(f->type, "leads")) {
        dr_map_put(ids, lead, (void *)(uintptr_t)f->dst);
    }
    if (f->state != DR_LEDGER_DONE && f->state != DR_LEDGER_CREATED) {
        return 0;
    }
    if (had && had != f->dst) {
        (void)fprintf(stderr, DR_STR_FMT ": DONE with id %llu, before %llu\n",
                      DR_STR_ARG(f->key), (unsigned long long)f->dst,
                      (unsigned long long)had);
        return 1;
    }
    dr_map_put(ids, f->key, (void *)(uintptr_t)f->dst);
    return 0;
}

/* One partition of one lane while it is read. */
struct folding {
    const char *lane;
    int32_t part;
    int64_t end;
    struct dr_fold *fold;
    struct dr_map *ids;
};

static void print_open(const struct folding *g)
{
    const struct dr_attempt *a;
    struct dr_str key;
    size_t at = 0;

    while (dr_fold_next(g->fold, &at, &key, &a)) {
        (void)printf("{\"lane\":\"%s\",\"partition\":%d,\"offset\":%lld,"
                     "\"key\":\"" DR_STR_FMT "\",\"state\":\"unsettled\"}\n",
                     g->lane, (int)g->part, (long long)a->offset,
                     DR_STR_ARG(key));
    }
}

static int one_record(struct folding *g, const struct dr_kmsg *m)
{
    const struct dr_env *env;
    struct dr_folded folded;

    dr_arena_reset(arena);
    env = dr_wire_unpack(arena, m->value, NULL);
    DR_ASSERT(env);
    dr_fold_accept(g->fold, env, m->offset, &folded);
    if (folded.what != DR_FOLD_FACT) {
        return 0;
    }
    print_fact(g->lane, g->part, &folded.fact);
    return check_dst(g->ids, &folded.fact);
}

static int read_all(struct dr_reader *r, struct folding *g, size_t left)
{
    size_t parts = (size_t)svc.partitions;
    int bad = 0;

    while (left > 0) {
        struct dr_kmsg m;
        struct folding *at;
        if (!dr_reader_poll(r, WAIT_MS, &m)) {
            (void)fprintf(stderr, "a ledger does not reach its end\n");
            return 1;
        }
        at = &g[(size_t)m.topic * parts + (size_t)m.partition];
        if (m.offset < at->end) {
            bad |= one_record(at, &m);
            left -= m.offset + 1 == at->end;
        }
    }
    return bad;
}

static int facts(void)
{
    static char names[16][DR_TOPIC_MAX];
    const char *topics[16];
    size_t parts = (size_t)svc.partitions, n = dr_lane_count * parts, left = 0;
    int64_t *ends = dr_xcalloc(n, sizeof(*ends));
    struct folding *g = dr_xcalloc(n, sizeof(*g));
    struct dr_reader *r;
    struct dr_err err;
    int bad;

    for (size_t i = 0; i < dr_lane_count; i++) {
        topics[i] = dr_topic(&svc, names[i], "ledger", dr_lanes[i]);
    }
    r = dr_reader_new(&svc.kafka, topics, dr_lane_count, &err);
    if (!r || dr_reader_ends(r, svc.partitions, WAIT_MS, ends, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        g[i] = (struct folding){dr_lanes[i / parts], (int32_t)(i % parts),
                                ends[i], dr_fold_new(), dr_map_new(NULL)};
        if (ends[i] > 0) {
            dr_reader_add(r, (int)(i / parts), g[i].part, DR_OFFSET_BEGIN);
            left++;
        }
    }
    bad = read_all(r, g, left);
    for (size_t i = 0; i < n; i++) {
        print_open(&g[i]);
        dr_fold_free(g[i].fold);
        dr_map_free(g[i].ids);
    }
    dr_reader_free(r);
    free(g);
    free(ends);
    return bad;
}

int main(int argc, char **argv)
{
    struct dr_err err;

    if (argc != 5) {
        (void)fprintf(stderr, "usage: dr-feed BROKERS MIGRATION PARTITIONS "
                              "feed|facts\n");
        return 2;
    }
    dr_log_init("dr-feed", argv[2], DR_LOG_WARN);
    dr_crypto_init();
    svc.name = "feed";
    (void)snprintf(svc.id, sizeof(svc.id), "feed-0");
    svc.migration = argv[2];
    dr_migration_id(dr_str_z(argv[2]), svc.migration_id);
    svc.partitions = (int)strtol(argv[3], NULL, 10);
    svc.kafka = (struct dr_kafka_opts){
        .brokers = argv[1], .client_id = "dr-feed", .linger_ms = 5};
    arena = dr_arena_new((size_t)256 << 20);
    if (strcmp(argv[4], "facts") == 0) {
        return facts();
    }
    dr_service_topics(&svc, NULL, 0);
    out = dr_producer_new(&svc.kafka, &err);
    if (!out) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return feed();
}
