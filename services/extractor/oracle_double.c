/* The service's surroundings: time that costs nothing, a Kafka in shared
 * memory that keeps what was acknowledged, a control topic that says what the
 * oracle decided. */
#include "oracle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/service/service.h>

/* Reserved, not taken: pages come as they are written. */
#define SENT_MAX ((size_t)1 << 20)
#define BYTES_MAX ((size_t)4 << 30)

struct oracle *oracle;
struct sent *sent;
void (*on_tick)(int waited_ms);
void (*on_control)(void);
volatile sig_atomic_t dr_stop;

static char *bytes;

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        dr_die(DR_EXIT_NOMEM, "memory", "no shared memory");
    }
    return p;
}

void double_open(void)
{
    oracle = shared(sizeof(*oracle));
    sent = shared(SENT_MAX * sizeof(*sent));
    bytes = shared(BYTES_MAX);
}

void sent_clear(void)
{
    (void)madvise(bytes, oracle->bytes_n, MADV_REMOVE);
    oracle->sent_n = oracle->flushed_n = oracle->bytes_n = 0;
}

static struct dr_str kept(struct dr_str s)
{
    char *to = bytes + oracle->bytes_n;

    DR_ASSERT(s.n <= BYTES_MAX - oracle->bytes_n);
    if (s.n > 0) {
        memcpy(to, s.p, s.n);
    }
    oracle->bytes_n += s.n;
    return (struct dr_str){to, s.n};
}

static bool same_place(const struct sent *a, const struct sent *b)
{
    return a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

/* Adds one; its offset. */
static int64_t append(const char *topic, int32_t partition, struct dr_str key,
                      struct dr_str value)
{
    struct sent *s = &sent[oracle->sent_n];

    if (oracle->kill_at_send > 0 && --oracle->kill_at_send == 0) {
        _exit(LIFE_KILLED);
    }
    DR_ASSERT(oracle->sent_n < SENT_MAX);
    *s = (struct sent){.partition = partition};
    (void)snprintf(s->topic, sizeof(s->topic), "%s", topic);
    for (size_t i = oracle->sent_n; i > 0; i--) {
        if (!sent[i - 1].lost && same_place(&sent[i - 1], s)) {
            s->offset = sent[i - 1].offset + 1;
            break;
        }
    }
    s->key = kept(key);
    s->value = kept(value);
    oracle->sent_n++;
    oracle->clock_ms++;
    return s->offset;
}

unsigned sent_lose(void)
{
    unsigned n = 0;

    for (size_t i = oracle->flushed_n; i < oracle->sent_n; i++) {
        bool lost = roll(3) > 0;
        for (size_t k = oracle->flushed_n; !lost && k < i; k++) {
            lost = sent[k].lost && same_place(&sent[k], &sent[i]);
        }
        sent[i].lost = lost;
        n += lost;
    }
    oracle->flushed_n = oracle->sent_n;
    return n;
}

/* ---- time: waits cost nothing ---- */

int64_t dr_mono_ms(void)
{
    return oracle->clock_ms;
}

int64_t dr_wall_ms(void)
{
    return INT64_C(1772438400000) + oracle->clock_ms;
}

void dr_service_tick(struct dr_service *svc, int timeout_ms)
{
    (void)svc;
    oracle->clock_ms += timeout_ms;
    if (on_tick) {
        on_tick(timeout_ms);
    }
}

/* ---- Kafka ---- */

const char *dr_topic(const struct dr_service *svc, char out[DR_TOPIC_MAX],
                     const char *stage, const char *object)
{
    (void)svc;
    (void)snprintf(out, DR_TOPIC_MAX, "%s%s%s", stage, object ? "." : "",
                   object ? object : "");
    return out;
}

void dr_service_topics(struct dr_service *svc, const char *const *objects,
                       size_t object_count)
{
    (void)svc;
    (void)objects;
    (void)object_count;
}

void dr_service_send(struct dr_service *svc, struct dr_producer *p,
                     const char *topic, int32_t partition, struct dr_str key,
                     struct dr_env *env, dr_delivered_fn *cb, void *ctx)
{
    struct dr_err err = {0};
    struct dr_buf b;

    (void)p;
    (void)cb;
    (void)ctx;
    env->service = dr_str_z(svc->id);
    env->wall_ms = dr_wall_ms();
    dr_buf_init(&b, DR_WIRE_MAX);
    if (dr_wire_pack(env, &b, &err)) {
        dr_die(DR_EXIT_INVARIANT, "wire", "%s: %s", topic, err.text);
    }
    (void)append(topic, partition, key, dr_buf_view(&b));
    dr_buf_done(&b);
}

void dr_producer_send(struct dr_producer *p, const char *topic,
                      int32_t partition, struct dr_str key, struct dr_str value,
                      dr_delivered_fn *cb, void *ctx)
{
    int64_t offset = append(topic, partition, key, value);

    (void)p;
    if (cb) {
        cb(ctx, partition, offset);
    }
}

int dr_producer_flush(struct dr_producer *p, int timeout_ms)
{
    (void)p;
    (void)timeout_ms;
    oracle->flushed_n = oracle->sent_n;
    return 0;
}

/* ---- the reader of what was sent ---- */

struct dr_reader {
    const char *const *topics;
    size_t topic_count, at;
};

struct dr_reader *dr_reader_new(const struct dr_kafka_opts *o,
                                const char *const *topics, size_t topic_count,
                                struct dr_err *err)
{
    struct dr_reader *r = dr_xcalloc(1, sizeof(*r));

    (void)o;
    (void)err;
    r->topics = topics;
    r->topic_count = topic_count;
    return r;
}

void dr_reader_free(struct dr_reader *r)
{
    free(r);
}

void dr_reader_add(struct dr_reader *r, int topic, int32_t partition,
                   int64_t offset)
{
    (void)r;
    (void)topic;
    (void)partition;
    (void)offset;
}

static int topic_index(const struct dr_reader *r, const struct sent *s)
{
    for (size_t i = 0; i < r->topic_count && !s->lost; i++) {
        if (strcmp(r->topics[i], s->topic) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int dr_reader_ends(struct dr_reader *r, int parts, int timeout_ms,
                   int64_t *ends_out, struct dr_err *err)
{
    (void)timeout_ms;
    (void)err;
    for (size_t i = 0; i < oracle->sent_n; i++) {
        int t = topic_index(r, &sent[i]);
        if (t >= 0) {
            ends_out[t * parts + sent[i].partition] = sent[i].offset + 1;
        }
    }
    return 0;
}

int dr_reader_poll(struct dr_reader *r, int timeout_ms, struct dr_kmsg *out)
{
    (void)timeout_ms;
    for (; r->at < oracle->sent_n; r->at++) {
        const struct sent *s = &sent[r->at];
        int t = topic_index(r, s);
        if (t >= 0) {
            *out = (struct dr_kmsg){.topic = t,
                                    .partition = s->partition,
                                    .offset = s->offset,
                                    .value = s->value};
            r->at++;
            return 1;
        }
    }
    return 0;
}

/* ---- control and metrics ---- */

bool dr_control_poll(struct dr_control_reader *r)
{
    (void)r;
    if (on_control) {
        on_control();
    }
    return false;
}

const struct dr_control_view *dr_control(const struct dr_control_reader *r)
{
    static struct dr_control_view view = {.caught_up = true};
    static struct dr_str approvals[DR_ARRAY_LEN(oracle->approvals)];

    (void)r;
    for (size_t i = 0; i < oracle->approval_n; i++) {
        approvals[i] = dr_str_z(oracle->approvals[i]);
    }
    view.state.phase = dr_str_z(oracle->freezing ? "freeze" : "run");
    view.state.approvals = approvals;
    view.state.approval_count = oracle->approval_n;
    view.state.file_limit = oracle->file_limit;
    return &view;
}

int64_t *dr_metric(struct dr_metrics *m, const char *name, const char *type,
                   const char *help, const char *labels)
{
    static int64_t any;

    (void)m;
    (void)name;
    (void)type;
    (void)help;
    (void)labels;
    return &any;
}
