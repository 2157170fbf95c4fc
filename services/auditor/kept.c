#include "kept.h"

#include <stdio.h>

static const char mark[] = "{\"left_out\":";

struct dr_str kept_word(const char *name, char word[KEPT_WORD])
{
    int n = snprintf(word, KEPT_WORD, "%s\"%.60s has more than 7 MiB\"}", mark,
                     name);

    return (struct dr_str){word, n > 0 ? (size_t)n : 0};
}

struct dr_str kept_fit(const char *name, struct dr_str text,
                       char word[KEPT_WORD])
{
    return text.n <= KEPT_MAX ? text : kept_word(name, word);
}

bool kept_is_word(struct dr_str text)
{
    return dr_str_starts(text, dr_str_z(mark));
}
