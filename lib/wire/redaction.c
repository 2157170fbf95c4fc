#include <drover/wire/redaction.h>

#include <drover/base/attrs.h>

#define SENTENCE_MAX 512

bool dr_is_redaction(struct dr_str object, struct dr_str property,
                     struct dr_str value)
{
    static const struct {
        const char *object, *property, *contains;
    } patterns[] = {{"email", "body", "has been redacted"},
                    {"email", "subject", "has been redacted"}};

    for (size_t i = 0; i < DR_ARRAY_LEN(patterns); i++) {
        if (dr_str_eqz(object, patterns[i].object) &&
            dr_str_eqz(property, patterns[i].property) &&
            value.n < SENTENCE_MAX &&
            dr_str_find(value, dr_str_z(patterns[i].contains)) < value.n) {
            return true;
        }
    }
    return false;
}

bool dr_hides(struct dr_str hides, struct dr_str property)
{
    while (hides.n > 0) {
        if (dr_str_eq(dr_str_split(&hides, ','), property)) {
            return true;
        }
    }
    return false;
}
