/* Clocks. Cores never call these: the shell passes the time in. */
#ifndef DROVER_BASE_CLOCK_H
#define DROVER_BASE_CLOCK_H

#include <stdint.h>

int64_t dr_wall_ms(void); /* Unix epoch, UTC */
int64_t dr_mono_ms(void); /* monotonic, for time-outs and waits */

#endif
