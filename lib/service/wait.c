/*
 * Waits for Kafka. Each has a limit, lets health and metrics be answered, and
 * is left soon after somebody asked to stop.
 */
#include <drover/service/service.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#define TURN_MS 1000 /* between two looks at dr_stop: the client blocks */
#define LOOK_MS 10

int dr_service_flush(struct dr_service *svc, struct dr_producer *p,
                     int limit_ms, int stop_ms)
{
    int64_t from = dr_mono_ms(), asked = -1;

    while (dr_producer_flush(p, TURN_MS)) {
        int64_t now = dr_mono_ms();
        dr_service_tick(svc, 0);
        asked = asked < 0 && dr_stop ? now : asked;
        if (asked >= 0 && now - asked >= stop_ms) {
            dr_log(DR_LOG_WARN, "service.unacknowledged",
                   "stopped before Kafka had everything: it is made again "
                   "after the next start");
            return -1;
        }
        if (now - from >= limit_ms) {
            dr_die(DR_EXIT_FAILURE, "kafka",
                   "what was made is not acknowledged within %d s: check "
                   "kafka.brokers and start again; nothing is lost",
                   limit_ms / 1000);
        }
    }
    return 0;
}

bool dr_control_catch_up(struct dr_service *svc, struct dr_control_reader *r,
                         int limit_ms)
{
    int64_t until = dr_mono_ms() + limit_ms;

    for (;;) {
        (void)dr_control_poll(r);
        if (dr_control(r)->caught_up || dr_stop) {
            return dr_control(r)->caught_up;
        }
        if (dr_mono_ms() >= until) {
            dr_die(DR_EXIT_FAILURE, "kafka",
                   "control cannot be read to its end within %d s: check "
                   "kafka.brokers and start again",
                   limit_ms / 1000);
        }
        dr_service_tick(svc, LOOK_MS);
    }
}
