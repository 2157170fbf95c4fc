/*
 * What a record of Kafka has no room for: a text of more than 7 MiB. In its
 * place stands a word about that, so that books that are rebuilt hold no older
 * text for the newest, and whoever asks for it is told. Pure.
 */
#ifndef DROVER_AUDITOR_KEPT_H
#define DROVER_AUDITOR_KEPT_H

#include <stdbool.h>

#include <drover/base/buf.h>

#define KEPT_MAX ((size_t)7 << 20) /* below what a record may hold */
#define KEPT_WORD 160              /* bytes of a word, NUL included */

/* The text, when it fits; else a word about it, which is in `word`. */
struct dr_str kept_fit(const char *name, struct dr_str text,
                       char word[KEPT_WORD]);
/* The word in place of a text that is not even whole. */
struct dr_str kept_word(const char *name, char word[KEPT_WORD]);
bool kept_is_word(struct dr_str text);

#endif
