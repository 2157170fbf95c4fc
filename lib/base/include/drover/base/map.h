/*
 * Hash map from byte strings to pointers, insertion-ordered, seeded at start
 * so that hostile keys cannot collide on purpose. Keys are copied. Values are
 * borrowed; free_value, when set, is called on replace, delete and free.
 */
#ifndef DROVER_BASE_MAP_H
#define DROVER_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include <drover/base/attrs.h>
#include <drover/base/str.h>

struct dr_map;

struct dr_map *dr_map_new(void (*free_value)(void *));
void dr_map_free(struct dr_map *m);
DR_DEFINE_AUTO(dr_map)
size_t dr_map_count(const struct dr_map *m);
void *dr_map_get(const struct dr_map *m, struct dr_str key);
bool dr_map_has(const struct dr_map *m, struct dr_str key);
void dr_map_put(struct dr_map *m, struct dr_str key, void *value);
bool dr_map_del(struct dr_map *m, struct dr_str key); /* true: was there */

/* Iteration in insertion order: size_t at = 0; while (dr_map_next(...)).
 * The map must not be changed meanwhile, but for deleting the current key. */
bool dr_map_next(const struct dr_map *m, size_t *at, struct dr_str *key_out,
                 void **value_out);

#endif
