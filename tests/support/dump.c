/*
 * dr-dump: the records of one topic of a migration as JSON lines, from the
 * beginning to the end that it has now. For tests and for looking.
 *
 *   dr-dump BROKERS TOPIC PARTITIONS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>
#include <drover/kafka/kafka.h>
#include <drover/wire/wire.h>

#define WAIT_MS 30000

static void hash(struct dr_json_w *w, const char *key, struct dr_str h)
{
    char hex[65] = "";

    if (h.n == 32) {
        dr_hex(h.p, 32, hex);
    }
    dr_json_w_kvz(w, key, hex);
}

static void source(struct dr_json_w *w, const struct dr_source *s)
{
    dr_json_w_kv(w, "object", s->object);
    dr_json_w_kv(w, "id", s->id);
    dr_json_w_kvi(w, "rev", (int64_t)s->rev);
    dr_json_w_key(w, "version");
    if (s->has_version) {
        dr_json_w_u64(w, s->version);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_kvi(w, "op", s->op);
    dr_json_w_kvi(w, "origin", s->origin);
    dr_json_w_kv(w, "body", s->body);
    dr_json_w_kv(w, "merged_into", s->merged_into);
    hash(w, "content", s->content_hash);
    dr_json_w_key(w, "associations");
    dr_json_w_arr(w);
    for (size_t i = 0; i < s->assoc_count; i++) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "pair", s->assocs[i].pair);
        dr_json_w_kv(w, "to", s->assocs[i].to_id);
        dr_json_w_kv(w, "type_id", s->assocs[i].type_id);
        dr_json_w_kv(w, "label", s->assocs[i].label);
        dr_json_w_kvb(w, "primary", s->assocs[i].primary);
        dr_json_w_kv(w, "category", s->assocs[i].category);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "aliases");
    dr_json_w_arr(w);
    for (size_t i = 0; i < s->alias_count; i++) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "type", s->aliases[i].type);
        dr_json_w_kv(w, "id", s->aliases[i].id);
        dr_json_w_kv(w, "into", s->aliases[i].into);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    if (s->blob.state) {
        dr_json_w_key(w, "blob");
        dr_json_w_obj(w);
        dr_json_w_kvi(w, "state", (int64_t)s->blob.state);
        dr_json_w_kvi(w, "partition", s->blob.partition);
        dr_json_w_kvi(w, "first", s->blob.first_offset);
        dr_json_w_kvi(w, "last", s->blob.last_offset);
        dr_json_w_kvi(w, "size", (int64_t)s->blob.size);
        hash(w, "sha256", s->blob.sha256);
        dr_json_w_end(w);
    }
    dr_json_w_key(w, "parts");
    dr_json_w_arr(w);
    for (size_t i = 0; i < s->part_count; i++) {
        dr_json_w_str(w, s->parts[i].id);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "part_versions");
    dr_json_w_arr(w);
    for (size_t i = 0; i < s->part_count; i++) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "id", s->parts[i].id);
        dr_json_w_kvi(w, "version", (int64_t)s->parts[i].version);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void load(struct dr_json_w *w, const struct dr_load *l)
{
    dr_json_w_kv(w, "lane", l->lane);
    dr_json_w_kv(w, "key", l->key);
    dr_json_w_kv(w, "type", l->type);
    dr_json_w_kvi(w, "pass", l->pass);
    dr_json_w_kvi(w, "how", l->how);
    dr_json_w_kvi(w, "rev", (int64_t)l->rev);
    hash(w, "content", l->content_hash);
}

static void rejected(struct dr_json_w *w, const struct dr_rejected *r)
{
    dr_json_w_kv(w, "object", r->object);
    dr_json_w_kv(w, "id", r->id);
    dr_json_w_kv(w, "part", r->part_id);
    dr_json_w_kv(w, "stage", r->stage);
    dr_json_w_kv(w, "class", r->class);
    dr_json_w_kv(w, "field", r->field);
    dr_json_w_kv(w, "reason", r->reason);
    dr_json_w_kv(w, "cure", r->cure);
    dr_json_w_kvb(w, "partial", r->partial);
    dr_json_w_kvi(w, "pass", r->pass);
    dr_json_w_kvi(w, "rev", (int64_t)r->rev);
}

/* What a CRM answered may span lines; here a record is one line. */
static void catalog(struct dr_json_w *w, const struct dr_catalog *c)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)256 << 20);
    struct dr_err err = {0};
    const struct dr_json *json = dr_json_parse(a, c->json, NULL, &err);
    struct dr_buf line;

    dr_json_w_kv(w, "side", c->side);
    dr_json_w_kv(w, "name", c->name);
    dr_json_w_key(w, "json");
    if (!json) {
        dr_json_w_str(w, c->json);
        return;
    }
    dr_buf_init(&line, (size_t)64 << 20);
    dr_json_canonical(&line, json);
    dr_json_w_raw(w, dr_buf_view(&line));
    dr_buf_done(&line);
}

static void body(struct dr_json_w *w, const struct dr_env *env)
{
    switch ((int)env->kind) {
    case DR_MSG_SOURCE:
        source(w, &env->u.source);
        break;
    case DR_MSG_MARKER:
        dr_json_w_kv(w, "object", env->u.marker.object);
        dr_json_w_kvi(w, "count", (int64_t)env->u.marker.count);
        dr_json_w_kvi(w, "of", env->u.marker.partition);
        dr_json_w_kvi(w, "pass", env->u.marker.pass);
        break;
    case DR_MSG_LOAD:
        load(w, &env->u.load);
        break;
    case DR_MSG_LANDED:
        dr_json_w_kv(w, "lane", env->u.landed.lane);
        dr_json_w_kv(w, "key", env->u.landed.key);
        dr_json_w_kv(w, "type", env->u.landed.type);
        dr_json_w_kvi(w, "dst", (int64_t)env->u.landed.dst);
        dr_json_w_kvi(w, "how", env->u.landed.how);
        dr_json_w_kv(w, "body", env->u.landed.body);
        break;
    case DR_MSG_REJECTED:
        rejected(w, &env->u.rejected);
        break;
    case DR_MSG_CATALOG:
        catalog(w, &env->u.catalog);
        break;
    case DR_MSG_CURSOR:
        dr_json_w_kv(w, "name", env->u.cursor.name);
        dr_json_w_key(w, "json");
        dr_json_w_raw(w, env->u.cursor.json);
        break;
    default:
        break;
    }
}

static void print(const struct dr_kmsg *m, const struct dr_env *env)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "kind", dr_msg_name(env->kind));
    dr_json_w_kvi(&w, "partition", m->partition);
    dr_json_w_kvi(&w, "offset", m->offset);
    body(&w, env);
    dr_json_w_end(&w);
    dr_buf_ch(&b, '\n');
    (void)fwrite(b.p, 1, b.n, stdout);
    dr_buf_done(&b);
}

/* A piece of a file: raw bytes. */
static void print_chunk(const struct dr_kmsg *m)
{
    char *hex = dr_xmalloc(2 * m->value.n + 1);

    dr_hex(m->value.p, m->value.n, hex);
    (void)printf("{\"key\":\"" DR_STR_FMT
                 "\",\"partition\":%d,\"offset\":%lld,\"hex\":\"%s\"}\n",
                 DR_STR_ARG(m->key), (int)m->partition, (long long)m->offset,
                 hex);
    free(hex);
}

int main(int argc, char **argv)
{
    struct dr_kafka_opts o = {.client_id = "dr-dump"};
    struct dr_err err = {0};
    struct dr_reader *r;
    struct dr_arena *a;
    int64_t ends[512], left = 0;
    const char *topics[1];
    bool files;
    int parts;

    if (argc != 4 || (parts = (int)strtol(argv[3], NULL, 10)) < 1 ||
        parts > 512) {
        (void)fprintf(stderr, "usage: dr-dump BROKERS TOPIC PARTITIONS\n");
        return 2;
    }
    dr_log_init("dr-dump", "-", DR_LOG_WARN);
    o.brokers = argv[1];
    topics[0] = argv[2];
    files = strlen(argv[2]) > 6 &&
            strcmp(argv[2] + strlen(argv[2]) - 6, ".files") == 0;
    r = dr_reader_new(&o, topics, 1, &err);
    if (!r || dr_reader_ends(r, parts, WAIT_MS, ends, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int p = 0; p < parts; p++) {
        if (ends[p] > 0) {
            dr_reader_add(r, 0, p, DR_OFFSET_BEGIN);
            left++;
        }
    }
    a = dr_arena_new((size_t)64 << 20);
    while (left > 0) {
        struct dr_kmsg m;
        const struct dr_env *env;

        if (!dr_reader_poll(r, WAIT_MS, &m)) {
            (void)fprintf(stderr, "the topic does not reach its end\n");
            return 1;
        }
        if (m.offset + 1 == ends[m.partition]) {
            left--;
        }
        dr_arena_reset(a);
        if (files) {
            print_chunk(&m);
            continue;
        }
        env = m.value.p ? dr_wire_unpack(a, m.value, &err) : NULL;
        if (env) {
            print(&m, env);
        }
    }
    dr_arena_free(a);
    dr_reader_free(r);
    return 0;
}
