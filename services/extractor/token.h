/*
 * The access token of a source that is read by OAuth2: asked for, renewed
 * before it ends and after a call that was refused, held in memory alone. The
 * calls for it wait, repeat and end the process as those for records do.
 */
#ifndef EXTRACTOR_TOKEN_H
#define EXTRACTOR_TOKEN_H

#include "access.h"
#include "api.h"

struct token;

/* NULL: the source is not read by OAuth2. Ends the process when access_check
 * says no. What x borrows must outlive it. */
struct token *token_new(const struct access *x);
void token_free(struct token *t);

/* None is had, or it is about to end. */
bool token_due(const struct token *t);
/* Asks for one and opens api's client anew with it. API_OK, API_STOPPED; while
 * api->trying also API_NO and API_POISON, with err, status and code. Else the
 * process ends. */
enum api_result token_renew(struct token *t, struct api *api,
                            struct dr_err *err);
/* A call was answered, by the token: a later refusal is worth a new one. NULL
 * is fine. */
void token_let_in(struct token *t);
/* The profile is tried out once more: a refusal of before counts no longer, nor
 * a token that no call was let in by. NULL is fine. */
void token_try_anew(struct token *t);
/* What to do about the refusal of a token, while the profile is tried out;
 * NULL: none was refused. */
const char *token_cure(const struct token *t);
bool token_was_let_in(const struct token *t);

#endif
