/* A small registry in the text format 0.0.4 of Prometheus. */
#include "service_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

struct series {
    struct series *next;
    char *labels;
    int64_t value;
};

struct family {
    struct family *next;
    char *name, *type, *help;
    struct series *series;
};

struct dr_metrics {
    struct family *families;
};

struct dr_metrics *dr_metrics_new(void)
{
    return dr_xcalloc(1, sizeof(struct dr_metrics));
}

void dr_metrics_free(struct dr_metrics *m)
{
    while (m->families) {
        struct family *f = m->families;
        m->families = f->next;
        while (f->series) {
            struct series *s = f->series;
            f->series = s->next;
            free(s->labels);
            free(s);
        }
        free(f->name);
        free(f->type);
        free(f->help);
        free(f);
    }
    free(m);
}

static struct family *family(struct dr_metrics *m, const char *name,
                             const char *type, const char *help)
{
    struct family **at = &m->families;

    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->name, name) == 0) {
            return *at;
        }
    }
    *at = dr_xcalloc(1, sizeof(**at));
    (*at)->name = dr_xstrdup(name);
    (*at)->type = dr_xstrdup(type);
    (*at)->help = dr_xstrdup(help);
    return *at;
}

int64_t *dr_metric(struct dr_metrics *m, const char *name, const char *type,
                   const char *help, const char *labels)
{
    struct series **at = &family(m, name, type, help)->series;

    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->labels, labels) == 0) {
            return &(*at)->value;
        }
    }
    *at = dr_xcalloc(1, sizeof(**at));
    (*at)->labels = dr_xstrdup(labels);
    return &(*at)->value;
}

void dr_metrics_print(const struct dr_metrics *m, struct dr_buf *out)
{
    for (const struct family *f = m->families; f; f = f->next) {
        dr_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
                      f->name, f->type);
        for (const struct series *s = f->series; s; s = s->next) {
            if (s->labels[0]) {
                dr_buf_printf(out, "%s{%s} %lld\n", f->name, s->labels,
                              (long long)s->value);
            } else {
                dr_buf_printf(out, "%s %lld\n", f->name, (long long)s->value);
            }
        }
    }
}
