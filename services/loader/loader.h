/*
 * The loader's shell: what binds the pure parts (own, route, refs, body, rows,
 * answer) to Kafka, Redis, HTTP and the clock. One thread. The promise is the
 * effects protocol's: numbers in the comments are its sections.
 */
#ifndef DROVER_LOADER_LOADER_H
#define DROVER_LOADER_LOADER_H

#include "answer.h"
#include "body.h"
#include "state.h"
#include "upload.h"

/* items.c */
void item_take(struct loader *l, const struct dr_kmsg *m);
const struct dr_load *item_load(struct loader *l, struct item *it);
void item_move(struct item *it, struct list *to, enum item_state state);
void item_again(struct item *it); /* FRESH: facts are asked anew */
void item_settled(struct item *it);
void item_unpin(struct item *it);
void item_body(struct item *it, const struct dr_buf *body);
struct item *item_find(struct lanepart *lp, struct dr_str key);
void lp_drop_items(struct lanepart *lp);
void items_restart(struct lanepart *lp);
void lp_flow(struct lanepart *lp); /* pause or resume */

bool load_outdated(const struct loader *l, const struct dr_load *load);
bool attempt_is_of(const struct dr_attempt *a, uint64_t rev, uint32_t pass);
/* It was for a newer record, which is not settled and so comes, too. */
bool attempt_is_newer(const struct dr_attempt *a, const struct item *it);

/* prepare.c */
void prepare(struct loader *l);

/* place.c: below what a record is put, "/deals/12"; "": below nothing */
void place_wanted(const struct dr_load *load, const struct links *links,
                  char out[PLACE_TEXT]);
void place_set(struct item *it, const struct dr_load *load,
               const struct links *links);
void place_attempted(struct item *it, const struct dr_attempt *a);
/* What INTENT and DONE say of it. */
struct dr_str place_intent(const struct item *it);
struct dr_str place_done(const struct item *it);
/* false: the record does not show what it hangs on. */
bool place_is_shown(const struct dr_json *record, const char *place, bool *out);
/* at: whose list showed it; NULL: that of all. */
void place_found(struct item *it, const char *at, const char *wanted,
                 const struct dr_json *record);
/* What stands there of the one person that the version of the open attempt
 * names; "": it is not that version, or it names none, or several. -1: the id
 * map is away. */
int place_of_person(struct loader *l, const struct item *it,
                    const struct dr_load *load, char out[PLACE_TEXT]);
/* It does not stand where the last fact says. */
bool place_is_news(const struct item *it);

/* fates.c: what the transformer set aside in this pass */
void fates_read(struct loader *l);
/* n keys and their facts: one that was set aside is as one that was refused,
 * for an item of the tail that has waited a little. */
void fates_mark(const struct loader *l, const struct item *it,
                const struct dr_str *keys, size_t n, struct dr_fact *facts);

/* ledger.c: owning, reading, appending */
void ledger_claims(struct loader *l);
bool ledger_read(struct loader *l, int timeout_ms);
void ledger_apply(struct loader *l);
void ledger_drop(struct lanepart *lp);
void ledger_stepped_down(struct loader *l, struct lanepart *lp);
void ledger_intent(struct loader *l, struct lanepart *lp,
                   struct item *const *items, size_t n, const uint8_t *job);
void ledger_done(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_done_how how, struct dr_str record);
void ledger_older(struct loader *l, struct item *it, uint64_t dst);
void ledger_refused(struct loader *l, struct item *it, const char *class,
                    int code, bool final, struct dr_str reason);
void ledger_preimage(struct loader *l, struct item *it, uint64_t dst,
                     struct dr_str record);
void ledger_deleted(struct loader *l, struct item *it, enum dr_deleted_how how,
                    struct dr_str seen);
void ledger_job(struct loader *l, struct lanepart *lp, const uint8_t *job,
                const char *url);

/* view.c: the id map */
int view_facts(struct loader *l, const struct dr_str *lanes,
               const struct dr_str *keys, size_t n, struct dr_fact *out);
bool view_usable(struct loader *l);
void view_check(struct loader *l);
void view_failed(struct loader *l, const struct dr_err *err);
void view_apply(struct loader *l, struct lanepart *lp);
void barriers(struct loader *l);

/* alike.c: contacts whose ids differ in case only */
/* Does the lane find its records in bulk by our own id? */
bool alike_matters(const struct lane *lane);
/* Of what the map learns and of what is open: it is there. -1: Redis is away.
 */
int alike_apply(struct loader *l, const struct lanepart *lp);
/* Each of a bulk create is alone with its id. false: those that are not go
 * alone from here on, or Redis is away; none may be sent. */
bool alike_batch(struct loader *l, struct batch *b);
/* A single write: nobody who is alike may still act. false: not yet. */
bool alike_may_go(struct loader *l, struct item *it);
/* The same, still: with its INTENT in the ledger. */
bool alike_still(struct loader *l, struct item *it);
/* true: its id was refused for one that is alike, and so is it. */
bool alike_refuse(struct loader *l, struct item *it);

enum find_state {
    FIND_NOTHING, /* it is not there */
    FIND_OURS,
    FIND_OTHER,   /* somebody else's record has its name or e-mail */
    FIND_UNKNOWN, /* all was answered, and nothing of it says that it is not
                     there: asking again would tell no more */
    FIND_FAILED   /* a question was not answered: to be asked again */
};
/* record: of what was found, whole. Called once, but of an item that is dead by
 * then, which is nobody's any more, not at all (find.c). */
typedef void find_fn(struct loader *l, struct item *it, enum find_state s,
                     const struct dr_json *record);

/* calls.c */
struct call *call_new(struct loader *l, struct lane *lane, const char *method,
                      struct dr_str path, call_done_fn *done, void *ctx);
void call_queue(struct loader *l, struct call *c, bool urgent);
void call_later(struct loader *l, struct call *c, int64_t pause_ms);
void call_go(struct loader *l, struct call *c);
void call_drop(struct loader *l, struct call *c);
void calls_sent(struct loader *l);
void calls_pump(struct loader *l);
bool call_expired(struct loader *l, const struct call *c);
void crash_at(struct loader *l, const char *point);

/* outcome.c: from an outcome to the ledger */
void landed_publish(struct loader *l, struct lane *lane, struct dr_str key,
                    struct dr_str source_id, const struct type *t, uint64_t dst,
                    uint64_t rev, enum dr_landed_how how, struct dr_str body,
                    dr_delivered_fn *cb, void *ctx);
void item_landed(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_landed_how how, enum dr_done_how done,
                 struct dr_str record);
/* A deal holds its lines, and they have overwritten its amount: the ledger says
 * so before the call that sets that, whatever becomes of it. */
void item_half_landed(struct loader *l, struct item *it, uint64_t dst,
                      struct dr_str record);
void item_done_now(struct loader *l, struct item *it, uint64_t dst,
                   struct dr_str record);
void item_refuse(struct loader *l, struct item *it, const char *class, int code,
                 const char *cure, bool redrivable, struct dr_str reason);
/* The target takes a value of it for wrong, as it says in `reason`. */
void item_refuse_value(struct loader *l, struct item *it, int code,
                       struct dr_str reason);
/* hidden.c: what the source does not show, against what stands in the target;
 * before it is read (of sets and folds), and after. */
bool hidden_stands(const struct item *it, const struct dr_load *load);
bool hidden_loses(struct loader *l, struct item *it, const struct dr_load *load,
                  const struct dr_json *record);
void hidden_refuse(struct loader *l, struct item *it,
                   const struct dr_load *load);
/* What stood in the target was deleted there by somebody. */
void item_lost(struct loader *l, struct item *it);
void line_refuse(struct loader *l, struct item *it, const struct dr_load *load,
                 size_t line);
/* A field that people changed: told, and the record goes on. */
void field_kept(struct loader *l, struct item *it, const struct dr_load *load,
                struct dr_str field, struct dr_str rule);
void item_retry(struct loader *l, struct item *it, const char *class, int code);
void item_unsettled(struct loader *l, struct item *it, bool whole_5xx);

/* fold.c: a record that became fields of another one */
bool fold_is_here(const struct item *it);   /* its values stand where it goes */
bool fold_has_moved(const struct item *it); /* they stand elsewhere */
/* true: the record holds something else in these fields, and it was refused. */
bool fold_refused(struct loader *l, struct item *it, const struct dr_load *load,
                  const struct dr_json *record);

/* turn.c: the right to read and write a record that others write, too, and to
 * make one that others cannot be told from */
uint64_t turn_alike(const struct dr_load *load, const char *place);
bool turn_needed(const struct item *it);
bool turn_enter(struct loader *l, struct item *it); /* false: another has it */
void turn_leave(struct loader *l, struct item *it);
/* Of an item whose pass is over and whose lane is closed: nobody settles it
 * before that opens, and others wait for the record. */
void turn_yield(struct loader *l, struct item *it);
/* The same of all of them, when a pass has begun. */
void items_yield(struct loader *l);

/* single.c, update.c */
void singles(struct loader *l);
void singles_expire(struct loader *l);
void single_accepted(struct loader *l, struct item *it);
/* What the target holds of it: by its id, or where its type has no such call,
 * in its parent's list. in_flight was counted by the caller. */
void single_read(struct loader *l, struct item *it, call_done_fn *by_id,
                 find_fn *by_list);
void single_write(struct loader *l, struct item *it, const char *method);
void single_finish(struct item *it);
/* The second call of a set of lines: the deal's amount. */
void single_amount(struct loader *l, struct item *it);
/* It failed once more. true: too often, and it was refused. */
bool single_tired(struct loader *l, struct item *it, int status);
/* One time more, the first of them at *since_ms. true: often, and for long. */
bool single_often(const struct loader *l, int *n, int64_t *since_ms);
/* Before the n-th time: ever longer, 13 s at most. */
int64_t single_pause_ms(int n);
/* It was not told what stands there: asked again at look_ms, which is ever
 * later. true: too often, and it is to be refused. */
bool single_untold(struct loader *l, struct item *it, int status);
/* The same before a write: it waits and is read again, or is refused. */
void single_unread(struct loader *l, struct item *it, int status);
void item_keep_why(struct item *it, int status, const struct dr_json *doc);
bool single_failed(struct loader *l, struct item *it, enum outcome o,
                   const struct dr_http_answer *ans, const struct dr_json *doc);
void update_read(struct loader *l, struct item *it);
/* The path of a record with every include; id 0: of the list. */
void record_path(const struct type *t, uint64_t id, struct dr_buf *out);
/* amount.c: a deal's amount beside its lines */
bool amount_of_set(const struct item *it); /* it is a set of lines */
/* What is to be written again after the lines, as far as facts say it. */
void amount_prepare(struct item *it, const struct dr_fact *deal);
/* The same with the deal as it stands, and the request with it. -1: the id map
 * is away. */
int amount_find(struct loader *l, struct item *it,
                const struct dr_json *record);
/* A person's is in the ledger before the lines overwrite it. */
void amount_ahead(struct loader *l, struct item *it,
                  const struct dr_json *record);
/* Before the deal is written itself. -1: the id map is away. */
int amount_look(struct loader *l, struct item *it, const struct dr_load *load,
                const struct dr_json *record);
/* What DONE says of it. half: the deal with an amount that its lines made;
 * NULL: the amount is as wanted, or what it is, is not known. */
void amount_commit(struct loader *l, struct item *it,
                   const struct dr_json *half);
/* Lines of an unknown attempt have overwritten it, and no fact says so. */
bool amount_untold(struct loader *l, const struct item *it,
                   const struct dr_json *record);

/* Parses an answer into scratch, which is reset before. NULL: not JSON. */
const struct dr_json *answer_json(struct loader *l,
                                  const struct dr_http_answer *ans);

/* bulk.c, confirm.c */
void bulk(struct loader *l);
void bulk_accepted(struct loader *l, struct item *it);
void bulk_item_gone(struct item *it);
/* A single create was answered: it may tell of the bulk ones. */
void bulk_created(struct item *it);
void confirm(struct loader *l, struct lane *lane);
bool bulk_more_comes(const struct loader *l, const struct lane *lane);
bool bulk_create_turn(const struct lane *lane);
void confirm_walk_ended(struct loader *l, struct lane *lane,
                        enum walk_mode mode, int64_t started_ms);
bool confirm_row(struct loader *l, struct item *it,
                 const struct dr_json *record, enum row_match *out);
void landed_read(struct loader *l);
void landed_follow(struct lanepart *lp);
void landed_leave(struct lanepart *lp);

/* walk.c */
bool walk_start(struct loader *l, struct lane *lane, enum walk_mode mode,
                int64_t floor_ms);
void walk_path(const struct type *t, int64_t view, int64_t page,
               bool descending, struct dr_buf *out);

/* rewrite.c */
void rewrites(struct loader *l, struct lane *lane, bool input_waits);
void rewrite_row(struct loader *l, struct item *it,
                 const struct dr_json *record);
void rewrite_walk_ended(struct loader *l, struct lane *lane);
/* What of the record before shapes the request that changes it. */
void update_opts(struct loader *l, const struct item *it,
                 const struct dr_load *load, const struct dr_json *record,
                 struct body_opts *out);

/* edits.c: people's edits */
/* -1: the id map is away. */
int edits_find(struct loader *l, struct item *it, const struct dr_load *load,
               const struct links *links, const struct dr_json *record);
void edits_commit(struct loader *l, struct item *it, struct dr_str record);
void edits_forget(struct item *it);
/* An attempt that may have been had in part, or changed by people since: what
 * stands there as this version wants it is ours, the rest is as it was left.
 * -1: the id map is away. */
int edits_attempted(struct loader *l, struct item *it,
                    const struct dr_json *record);
/* A value as it is shown, told alike however that is. */
struct dr_str edits_text(struct dr_str shown, struct dr_arena *a);
/* What it was left at: DONE.fields. */
struct dr_str edits_left(const struct item *it);
/* In the scratch arena: of the record that the item is in the target. */
const struct tags *edits_tags(struct loader *l, const struct item *it,
                              const struct dr_json *record);
bool edits_since(const struct dr_fact *f, const struct dr_json *record,
                 struct dr_arena *a);

/* removal.c */
bool removal_may_begin(struct loader *l, struct item *it); /* or refused */
void removal_read(struct loader *l, struct item *it);
void removal_answered(struct loader *l, struct call *c,
                      const struct dr_http_answer *ans);
void removal_done(struct loader *l, struct item *it, enum dr_deleted_how how,
                  struct dr_str seen);
void removal_looked(struct loader *l, struct item *it, enum find_state s,
                    const struct dr_json *record);

/* conversion.c: a lead becomes a contact */
void conversion_refuse_back(struct loader *l, struct item *it);
void conversion_path(const struct item *it, struct dr_buf *out);
void conversion_body(struct dr_buf *out);
void conversion_answered(struct loader *l, struct call *c,
                         const struct dr_http_answer *ans);
void conversion_look(struct loader *l, struct item *it);

/* settle.c, find.c */
#define AGAIN_MS 1000 /* a look-up that we could not make */
void settles(struct loader *l);
/* A create that the target itself makes once: no need to wait before it is
 * looked up, for it is sent again where it is not there. */
bool settle_at_once(struct loader *l, struct item *it);
/* What was sent had no effect: once more, or it was too often. */
void settle_again(struct loader *l, struct item *it, const char *why);
#define LOOK_UNANSWERED (-1)
void look_heard(struct item *it, const struct dr_http_answer *ans);
/* It says nothing: again at look_ms. true: too often, and it is to be refused.
 */
bool look_again(struct loader *l, struct item *it);
/* The look-up said nothing: it is made again, or the record refused. */
void look_failed(struct loader *l, struct item *it);
void find_item(struct loader *l, struct item *it, bool who, find_fn *then);
/* The same of what is one of its lane's in_flight, which the caller counted: it
 * is taken off again, whatever becomes of the item. */
void find_listed(struct loader *l, struct item *it, find_fn *then);
/* Who has the name or e-mail of a record that stands: FIND_OURS, itself. */
void find_holder(struct loader *l, struct item *it, find_fn *then);

/* taken.c: a name or an address that another record has */
/* Refused with words: it is asked who has it. false: not for this write. */
bool taken_ask(struct loader *l, struct item *it, int status,
               const struct dr_json *doc);
/* What find_item says of a create that was refused. */
void taken_create(struct loader *l, struct item *it, enum find_state s,
                  const struct dr_json *record);
/* Somebody else's record has it. */
void taken_held(struct loader *l, struct item *it,
                const struct dr_json *holder);
/* true: nothing of ours is there, nor of others, and it goes on so. */
bool taken_by_nobody(struct loader *l, struct item *it);
/* true: it goes on in its other form. */
bool taken_other(struct loader *l, struct item *it);
/* true: a job did not do it, and it is sent alone, which tells more. */
bool taken_tried_alone(struct loader *l, struct item *it);
/* The plan knew that its own form is taken, and nothing of it stands yet. */
bool taken_begins(const struct item *it, const struct dr_load *load);
/* From here on it goes in its other form. */
void taken_is(struct item *it);
/* The load record so, in the scratch arena. */
const struct dr_load *taken_load(struct loader *l, const struct dr_load *load);

/* circle.c: an account's parent that the target refuses
 * true: whether it stands above that one is being asked; then it goes without
 * it, else it is refused for it->why. What cannot be asked now is asked again,
 * ever more seldom (`climbing`), by circle_go_on when look_ms has come. */
bool circle_ask(struct loader *l, struct item *it);
void circle_go_on(struct loader *l, struct item *it);

/* survey.c */
void catalog_pump(struct loader *l);
void catalog_open(struct loader *l);

/* control.c, status.c */
void control_changed(struct loader *l);
void status_pump(struct loader *l, bool now);
void lane_halt(struct lane *lane, const char *why);
/* 403: of the user, or of a plan that was left in mid-run. */
void lane_halt_forbidden(struct lane *lane);

/* links of an item, resolved anew (facts by one call). 0, or -1: the id map
 * is away or the arena used up. Both results live in l->scratch. */
int item_links(struct loader *l, struct item *it, const struct dr_load **load,
               struct links *links);

#endif
