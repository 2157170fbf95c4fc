/*
 * Bodies that are made while they are sent: of a file, of a text, generated;
 * whole, slow, cut or without end, as a fault says.
 */
#ifndef FASTTRACK_BODY_H
#define FASTTRACK_BODY_H

#include <sim/sim.h>

enum body_kind { BODY_TEXT, BODY_FILE, BODY_PATTERN251, BODY_ZEROS };

struct body {
    enum body_kind kind;
    int fd;          /* BODY_FILE: closed at the end */
    char *text;      /* BODY_TEXT: freed at the end  */
    uint64_t from;   /* of the whole, where the answer begins */
    uint64_t n;      /* bytes of the answer */
    int64_t wait_ms; /* before the first byte */
    int *running;    /* counted down at the end; NULL: nobody counts */
};

/* A copy of the text. */
struct body body_of(struct dr_str text);
/* Answers with the body, or what the fault makes of it: everything but a
 * status of its own and an expiry. f may be NULL. */
void body_send(struct dr_httpd_req *r, int status, const char *type,
               const struct body *b, const struct fault *f);

#endif
