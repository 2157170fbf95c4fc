/* Parents: every circle is cut at one edge, that of its largest id. The plan
 * says which parent that was: another one is no part of this circle. */
#include "propose_private.h"

#include <stdlib.h>

enum colour { WHITE, GREY, BLACK };

struct node {
    struct dr_str id, parent;
    enum colour colour;
    bool cut;
};

/* The nodes from `at` back to `at` are a circle. */
static void cut_circle(struct dr_map *nodes, struct node *at)
{
    struct node *largest = at;

    for (struct node *n = dr_map_get(nodes, at->parent); n && n != at;
         n = dr_map_get(nodes, n->parent)) {
        if (dr_str_cmp(n->id, largest->id) > 0) {
            largest = n;
        }
    }
    largest->cut = true;
}

/* Each company is walked once: up while it is new, then blackened. */
static void walk(struct dr_map *nodes, struct node *start)
{
    struct node *n = start;

    while (n && n->colour == WHITE) {
        n->colour = GREY;
        n = dr_map_get(nodes, n->parent);
    }
    if (n && n->colour == GREY) {
        cut_circle(nodes, n);
    }
    for (n = start; n && n->colour == GREY; n = dr_map_get(nodes, n->parent)) {
        n->colour = BLACK;
    }
}

void propose_hierarchy(struct proposing *p)
{
    size_t n;
    struct dr_str *ids = sorted_keys(p->a, p->profile->parents, &n);
    struct node *v = dr_xcalloc(n + 1, sizeof(*v));
    struct dr_map *nodes = dr_map_new(NULL);

    for (size_t i = 0; i < n; i++) {
        v[i].id = ids[i];
        v[i].parent = map_text(p->profile->parents, ids[i]);
        dr_map_put(nodes, ids[i], &v[i]);
    }
    dr_json_w_key(&p->plan, "hierarchy");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "cut");
    dr_json_w_obj(&p->plan);
    for (size_t i = 0; i < n; i++) {
        walk(nodes, &v[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (v[i].cut) {
            dr_json_w_keys(&p->plan, v[i].id);
            dr_json_w_str(&p->plan, v[i].parent);
        }
    }
    dr_json_w_end(&p->plan);
    dr_json_w_end(&p->plan);
    dr_map_free(nodes);
    free(v);
}
