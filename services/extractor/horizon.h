/*
 * The settled horizon (contract 3.3). A window [W, H) is read only when every
 * change stamped below H is certain to be visible: H = floor(now) - L - G.
 * The watermark moves to H, never to the largest stamp seen. Pure.
 */
#ifndef EXTRACTOR_HORIZON_H
#define EXTRACTOR_HORIZON_H

#include <stdbool.h>
#include <stdint.h>

struct horizon {
    int64_t lag_ms;         /* L: visibility bound                 */
    int64_t granularity_ms; /* G: of the source's stamps, 1 s      */
};

/* H for a server time. */
int64_t horizon_of(const struct horizon *h, int64_t server_ms);
/* The first watermark, from the server time before page 1 of the snapshot. */
int64_t horizon_start(const struct horizon *h, int64_t server_ms);
/* True when a window is worth reading: *until_out is its upper bound. */
bool horizon_window(const struct horizon *h, int64_t watermark,
                    int64_t server_ms, int64_t *until_out);
/* After a freeze at F the tail is complete once the watermark passed F. */
bool horizon_passed(int64_t watermark, int64_t freeze_ms);
/* How far a watermark is behind: the source's time, from a freeze on that
 * instant, for nothing of what comes later is waited for. Seconds; a watermark
 * of 0 is none yet. */
int64_t horizon_lag_s(int64_t watermark, int64_t server_ms, int64_t freeze_ms);
/* The stamp lies in [since, until): rows outside are dropped by the client. */
bool horizon_inside(int64_t stamp_ms, int64_t since_ms, int64_t until_ms);

#endif
