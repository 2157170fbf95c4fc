/*
 * Errors. A function that can fail returns int (0 or -1) or a pointer (NULL),
 * is DR_MUSTCHECK and fills `err`. The verdict decides the action; code and
 * text are for people. The text names field and rule and says what to do; it
 * never holds a customer's value.
 */
#ifndef DROVER_BASE_ERR_H
#define DROVER_BASE_ERR_H

#include <drover/base/attrs.h>

/* Who acts: nobody, us later, a human on the record, a human on the system. */
enum dr_verdict { DR_OK, DR_RETRY, DR_REJECT, DR_HALT };

struct dr_err {
    enum dr_verdict verdict;
    int code;
    char where[48];
    char text[256];
};

/* Fills err (may be NULL) and returns -1, so that a caller can return it. */
int dr_err_set(struct dr_err *err, enum dr_verdict verdict, int code,
               const char *where, const char *fmt, ...) DR_PRINTF(5, 6);

/* One line on stderr through the log, then _exit with the documented code. */
void dr_die(int exit_code, const char *where, const char *fmt, ...)
    DR_PRINTF(3, 4) DR_NORETURN;

/* Documented exit codes of every Drover process. */
enum dr_exit {
    DR_EXIT_OK = 0,
    DR_EXIT_FAILURE = 1,    /* environment: Kafka, Redis, CRM, disk          */
    DR_EXIT_USAGE = 2,      /* command line                                  */
    DR_EXIT_CONFIG = 64,    /* configuration: unknown key, missing secret    */
    DR_EXIT_REFUSED = 65,   /* topics, plan or schema are not what we expect */
    DR_EXIT_FENCED = 66,    /* another owner took over; start again is safe  */
    DR_EXIT_NOMEM = 70,     /* out of memory                                 */
    DR_EXIT_INVARIANT = 71, /* our bug: a broken invariant                   */
};

/* Production assertion: ends the process by the documented path. */
#define DR_ASSERT(cond) \
    ((cond)             \
         ? (void)0      \
         : dr_die(DR_EXIT_INVARIANT, __func__, "invariant broken: %s", #cond))

#endif
