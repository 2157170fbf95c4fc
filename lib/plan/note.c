/* A note. Freshsales stamps it with the key's user and the time of writing:
 * who wrote it and when is its first line. */
#include "plan_private.h"

static struct dr_str readable(struct dr_str s)
{
    return dr_text_valid(s) ? s : (struct dr_str){"", 0};
}

static struct dr_str first_line(struct build *b)
{
    struct dr_str by = readable(author_of(b));
    struct dr_str at = readable(dr_json_get_str(b->root, "created_at"));

    return build_printf(b, "Note%s" DR_STR_FMT "%s" DR_STR_FMT " (FastTrack)",
                        by.n > 0 ? " by " : "", DR_STR_ARG(by),
                        at.n > 0 ? ", " : "", DR_STR_ARG(at));
}

size_t make_note(struct build *b, struct dr_load out[LOADS_MAX])
{
    const struct rule *r = special_rule(b, "body");
    struct text text = {.field = "description",
                        .source = r ? r->source : DR_STR_LIT("body"),
                        .rule = r ? r->id : DR_STR_LIT("note.body"),
                        .bytes = NOTE_MAX};
    struct dr_load head;

    (void)apply_target(b, true);
    apply_later(b);
    apply_holder(b);
    build_load(b, &head, "note");
    text.first = first_line(b);
    text_of_html(b, &text, value_text(dr_json_gets(b->props, text.source)),
                 b->plan->keep_note_html);
    text.last = marker_line(b, head.marker);
    apply_text(b, &text);
    build_load(b, &out[0], "note");
    build_hash(b, &out[0]);
    return 1;
}
