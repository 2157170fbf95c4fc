/* What of a profile no table can say: parts that need each other. */
#include <drover/http/address.h>

#include "express.h"
#include "profile_private.h"

static bool call_names(const struct dr_json *call, enum var var)
{
    return tree_has(dr_json_get(call, "path"), var) ||
           tree_has(dr_json_get(call, "query"), var) ||
           tree_has(dr_json_get(call, "body"), var);
}

static bool goes_on(const struct dr_json *call, struct dr_str style)
{
    return (dr_str_eqz(style, "body") && call_names(call, VAR_AFTER) &&
            dr_json_get(dr_json_get(call, "cursor"), "next")) ||
           (dr_str_eqz(style, "offset") && call_names(call, VAR_OFFSET)) ||
           (dr_str_eqz(style, "page") && call_names(call, VAR_PAGE)) ||
           (dr_str_eqz(style, "keyset") && call_names(call, VAR_LAST) &&
            dr_json_get(dr_json_get(call, "cursor"), "field")) ||
           dr_str_eqz(style, "none") || style.n == 0;
}

/* A call whose cursor goes nowhere would read its first page for ever. */
static int check_cursors(struct check *c, const struct dr_json *part)
{
    DR_JSON_EACH(m, part)
    {
        struct dr_str style =
            dr_json_get_str(dr_json_get(m, "cursor"), "style");
        size_t n = profile_enter(c, m->key);
        if (!goes_on(m, style)) {
            return profile_wrong(
                c,
                "its cursor leads nowhere: body needs next and "
                "{after}, offset {offset}, page {page}, keyset "
                "field and {last}",
                NULL);
        }
        if (dr_json_get(m, "cap") &&
            !dr_str_eqz(dr_json_get_str(m, "order"), "ascending")) {
            return profile_wrong(
                c,
                "a cap can be passed only where the order is "
                "ascending: say \"order\":\"ascending\", or leave "
                "the call out",
                NULL);
        }
        c->at[n] = '\0';
    }
    return 0;
}

/* Where the contract has its rows, its cursor and its clock, every step of the
 * extractor looks for them: a source that has them elsewhere is mapped. */
static int check_contract_call(struct check *c, const struct dr_json *call)
{
    const struct dr_json *rows = dr_json_get(call, "rows");
    const struct dr_json *next =
        dr_json_get(dr_json_get(call, "cursor"), "next");

    if ((rows && !dr_str_eqz(rows->text, "/results")) ||
        (next && !dr_str_eqz(next->text, "/paging/next/after"))) {
        return profile_wrong(
            c,
            "the contract has rows at /results and the cursor at "
            "/paging/next/after: for another shape say "
            "\"answers\":\"mapped\"",
            NULL);
    }
    return 0;
}

static int check_contract(struct check *c, const struct dr_json *root)
{
    static const char *const parts[] = {"calls", "default"};
    const struct dr_json *clock = dr_json_get(root, "clock");

    if (!dr_str_eqz(dr_json_get_str(clock, "path"), "/server_time") ||
        !dr_str_eqz(dr_json_get_str(clock, "from"), "body")) {
        (void)profile_enter(c, DR_STR_LIT("clock"));
        return profile_wrong(c,
                             "the contract has its clock in the body at "
                             "/server_time: for another shape say "
                             "\"answers\":\"mapped\"",
                             NULL);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(parts); i++) {
        size_t top = profile_enter(c, dr_str_z(parts[i]));
        DR_JSON_EACH(m, dr_json_get(root, parts[i]))
        {
            size_t n = profile_enter(c, m->key);
            if (check_contract_call(c, m)) {
                return -1;
            }
            c->at[n] = '\0';
        }
        c->at[top] = '\0';
    }
    return 0;
}

static const struct dr_json *
part_of(const struct dr_json *root, const struct dr_json *own, const char *part)
{
    const struct dr_json *j = dr_json_get(own, part);

    return j ? j : dr_json_get(dr_json_get(root, "default"), part);
}

static int need(struct check *c, const struct dr_json *root,
                const struct dr_json *own, const char *part, const char *why)
{
    if (part_of(root, own, part)) {
        return 0;
    }
    (void)profile_enter(c, dr_str_z(part));
    return profile_wrong(c, why, NULL);
}

/* What is stated must agree with what the calls can do. */
static int check_stated(struct check *c, const struct dr_json *root,
                        const struct dr_json *own, bool mapped)
{
    const struct dr_json *a = part_of(root, own, "assumptions");
    const struct dr_json *version =
        dr_json_get(part_of(root, own, "keys"), "version");
    struct dr_str deletes = dr_json_str(part_of(root, own, "deletes"));

    if (deletes.n > 0 && !dr_str_eqz(deletes, mapped ? "sweep" : "changes")) {
        (void)profile_enter(c, DR_STR_LIT("deletes"));
        return profile_wrong(c,
                             "the contract has deletions among the changes, a "
                             "mapped source is swept: say so",
                             NULL);
    }
    if (!dr_json_true(dr_json_get(a, "A1")) ||
        !dr_json_true(dr_json_get(a, "A6"))) {
        (void)profile_enter(c, DR_STR_LIT("assumptions"));
        return profile_wrong(c,
                             "without A1 (ids that stay) and A6 (the source's "
                             "time) nothing can be followed: read an export "
                             "folder instead",
                             NULL);
    }
    if ((version != NULL) != dr_str_eqz(dr_json_get_str(a, "A2"), "version")) {
        (void)profile_enter(c, DR_STR_LIT("assumptions"));
        (void)profile_enter(c, DR_STR_LIT("A2"));
        return profile_wrong(c,
                             "version needs keys.version, updated_at is for "
                             "sources without one",
                             NULL);
    }
    return 0;
}

/* Two properties cannot have one name. */
static int check_rename(struct check *c, const struct dr_json *rename)
{
    DR_JSON_EACH(a, rename)
    {
        DR_JSON_EACH(b, a->next ? rename : NULL)
        {
            if (a != b && dr_str_eq(a->text, b->text)) {
                (void)profile_enter(c, DR_STR_LIT("rename"));
                (void)profile_enter(c, a->key);
                return profile_wrong(c, "two properties get the same name",
                                     NULL);
            }
        }
    }
    return 0;
}

static int check_object(struct check *c, const struct dr_json *root,
                        const struct dr_json *own, bool mapped)
{
    const struct dr_json *read = part_of(root, own, "read");

    if (check_cursors(c, own) || check_rename(c, dr_json_get(own, "rename")) ||
        need(c, root, own, "list",
             "is missing: nothing can be read without "
             "it") ||
        need(c, root, own, "read", "is missing: absence is confirmed by it") ||
        need(c, root, own, "assumptions", "is missing: state A1 to A7")) {
        return -1;
    }
    if (mapped && need(c, root, own, "keys",
                       "is missing: no record without the pointer to its id")) {
        return -1;
    }
    if (!mapped &&
        (need(c, root, own, "index", "is missing: the contract has it") ||
         need(c, root, own, "changes", "is missing: the contract has it"))) {
        return -1;
    }
    if (check_stated(c, root, own, mapped)) {
        return -1;
    }
    if (mapped && !call_names(read, VAR_ID)) {
        (void)profile_enter(c, DR_STR_LIT("read"));
        return profile_wrong(c, "does not name {id}", NULL);
    }
    return 0;
}

/* What only OAuth2 has says nothing elsewhere, and the other way round. */
static int check_oauth2(struct check *c, const struct dr_json *auth)
{
    static const char *const own[] = {"grant", "token_url", "client_auth",
                                      "scope", "audience"};
    bool is = dr_str_eqz(dr_json_get_str(auth, "type"), "oauth2");
    struct dr_url url;

    for (size_t i = 0; i < DR_ARRAY_LEN(own); i++) {
        bool there = dr_json_get(auth, own[i]) != NULL;
        if (there == is || (is && i > 1)) {
            continue;
        }
        (void)profile_enter(c, dr_str_z(own[i]));
        return profile_wrong(c,
                             is ? "is missing: oauth2 needs grant and token_url"
                                : "belongs to the type oauth2",
                             NULL);
    }
    if (is && dr_json_get(auth, "name")) {
        (void)profile_enter(c, DR_STR_LIT("name"));
        return profile_wrong(c, "oauth2 has none: its token is a bearer token",
                             NULL);
    }
    if (is && dr_url_split(dr_json_get_str(auth, "token_url"), &url, NULL)) {
        (void)profile_enter(c, DR_STR_LIT("token_url"));
        return profile_wrong(c, "is no http(s) address without user name",
                             NULL);
    }
    return 0;
}

static int check_auth(struct check *c, const struct dr_json *root)
{
    const struct dr_json *auth = dr_json_get(root, "auth");
    size_t n = profile_enter(c, DR_STR_LIT("auth"));

    if (dr_str_eqz(dr_json_get_str(auth, "type"), "query") &&
        !dr_json_get(auth, "name")) {
        return profile_wrong(c, "query needs the name of the parameter", NULL);
    }
    if (check_oauth2(c, auth)) {
        return -1;
    }
    c->at[n] = '\0';
    return 0;
}

static int check_clock(struct check *c, const struct dr_json *root)
{
    const struct dr_json *clock = dr_json_get(root, "clock");

    if (dr_str_eqz(dr_json_get_str(clock, "from"), "body") &&
        !dr_json_get(clock, "path")) {
        (void)profile_enter(c, DR_STR_LIT("clock"));
        return profile_wrong(
            c,
            "from body needs a path: without the source's clock "
            "no tail is safe (A6)",
            NULL);
    }
    return 0;
}

static int check_zone(struct check *c, const struct dr_json *root)
{
    struct dr_str z =
        dr_json_get_str(dr_json_get(root, "values"), "assume_timezone");
    bool offset = z.n == 6 && (z.p[0] == '+' || z.p[0] == '-') && z.p[3] == ':';

    if (z.n == 0 || dr_str_eqz(z, "UTC") || offset) {
        return 0;
    }
    (void)profile_enter(c, DR_STR_LIT("values"));
    (void)profile_enter(c, DR_STR_LIT("assume_timezone"));
    return profile_wrong(c, "is UTC or an offset like +01:00", NULL);
}

int profile_check_tree(const struct dr_json *root, struct dr_err *err)
{
    struct check c = {.err = err};
    bool mapped = dr_str_eqz(dr_json_get_str(root, "answers"), "mapped");
    const struct dr_json *objects = dr_json_get(root, "objects");
    size_t n;

    if (dr_json_type(root) != DR_JSON_OBJECT) {
        return profile_wrong(&c, "a profile is one JSON object", NULL);
    }
    if (profile_check_parts(&c, root) || check_auth(&c, root) ||
        check_clock(&c, root) || check_zone(&c, root) ||
        (!mapped && check_contract(&c, root))) {
        return -1;
    }
    n = profile_enter(&c, DR_STR_LIT("calls"));
    if (check_cursors(&c, dr_json_get(root, "calls"))) {
        return -1;
    }
    c.at[n] = '\0';
    if (mapped && (!objects || objects->count == 0)) {
        (void)profile_enter(&c, DR_STR_LIT("objects"));
        return profile_wrong(&c, "a mapped profile names its objects", NULL);
    }
    n = profile_enter(&c, DR_STR_LIT("default"));
    if (check_cursors(&c, dr_json_get(root, "default")) ||
        (!mapped && check_object(&c, root, NULL, mapped))) {
        return -1;
    }
    c.at[n] = '\0';
    DR_JSON_EACH(o, objects)
    {
        c.at[0] = '\0';
        (void)profile_enter(&c, DR_STR_LIT("objects"));
        (void)profile_enter(&c, o->key);
        if (check_object(&c, root, o, mapped)) {
            return -1;
        }
    }
    return 0;
}
