#include "horizon.h"

int64_t horizon_of(const struct horizon *h, int64_t server_ms)
{
    int64_t floor_ms = server_ms - server_ms % h->granularity_ms;

    return floor_ms - h->lag_ms - h->granularity_ms;
}

int64_t horizon_start(const struct horizon *h, int64_t server_ms)
{
    return horizon_of(h, server_ms);
}

bool horizon_window(const struct horizon *h, int64_t watermark,
                    int64_t server_ms, int64_t *until_out)
{
    int64_t until = horizon_of(h, server_ms);

    if (until <= watermark) {
        return false;
    }
    *until_out = until;
    return true;
}

bool horizon_passed(int64_t watermark, int64_t freeze_ms)
{
    return watermark > freeze_ms;
}

int64_t horizon_lag_s(int64_t watermark, int64_t server_ms, int64_t freeze_ms)
{
    bool frozen = freeze_ms > 0 && freeze_ms < server_ms;
    int64_t until = frozen ? freeze_ms : server_ms;

    return watermark > 0 && until > watermark ? (until - watermark) / 1000 : 0;
}

bool horizon_inside(int64_t stamp_ms, int64_t since_ms, int64_t until_ms)
{
    return stamp_ms >= since_ms && stamp_ms < until_ms;
}
