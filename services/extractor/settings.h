/* The service's values out of its configuration. */
#ifndef EXTRACTOR_SETTINGS_H
#define EXTRACTOR_SETTINGS_H

#include "extractor.h"

/* What the table of keys cannot judge. */
extern dr_conf_check_fn *const settings_checks[];
/* Of what was checked. The texts are the configuration's. */
struct settings settings_of(const struct dr_conf *c);

#endif
