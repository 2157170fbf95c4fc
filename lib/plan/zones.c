/* Freshsales names time zones by city or region, FastTrack by the zone's own
 * name. One that stands for the same clock is taken where it has no other. */
#include "propose_private.h"

static const struct {
    const char *zone, *name;
} zones[] = {
    {"Africa/Cairo", "Cairo"},
    {"Africa/Casablanca", "Casablanca"},
    {"Africa/Johannesburg", "Pretoria"},
    {"Africa/Nairobi", "Nairobi"},
    {"America/Anchorage", "Alaska"},
    {"America/Argentina/Buenos_Aires", "Buenos Aires"},
    {"America/Bogota", "Bogota"},
    {"America/Caracas", "Caracas"},
    {"America/Chicago", "Central Time (US & Canada)"},
    {"America/Denver", "Mountain Time (US & Canada)"},
    {"America/Halifax", "Atlantic Time (Canada)"},
    {"America/Lima", "Lima"},
    {"America/Los_Angeles", "Pacific Time (US & Canada)"},
    {"America/Mexico_City", "Mexico City"},
    {"America/New_York", "Eastern Time (US & Canada)"},
    {"America/Phoenix", "Arizona"},
    {"America/Regina", "Saskatchewan"},
    {"America/Santiago", "Santiago"},
    {"America/Sao_Paulo", "Brasilia"},
    {"America/St_Johns", "Newfoundland"},
    {"Asia/Bangkok", "Bangkok"},
    {"Asia/Dhaka", "Dhaka"},
    {"Asia/Dubai", "Abu Dhabi"},
    {"Asia/Hong_Kong", "Hong Kong"},
    {"Asia/Jakarta", "Jakarta"},
    {"Asia/Jerusalem", "Jerusalem"},
    {"Asia/Karachi", "Karachi"},
    {"Asia/Kolkata", "Kolkata"},
    {"Asia/Kuala_Lumpur", "Kuala Lumpur"},
    {"Asia/Riyadh", "Riyadh"},
    {"Asia/Seoul", "Seoul"},
    {"Asia/Shanghai", "Beijing"},
    {"Asia/Singapore", "Singapore"},
    {"Asia/Taipei", "Taipei"},
    {"Asia/Tehran", "Tehran"},
    {"Asia/Tokyo", "Tokyo"},
    {"Australia/Adelaide", "Adelaide"},
    {"Australia/Brisbane", "Brisbane"},
    {"Australia/Darwin", "Darwin"},
    {"Australia/Hobart", "Hobart"},
    {"Australia/Melbourne", "Melbourne"},
    {"Australia/Perth", "Perth"},
    {"Australia/Sydney", "Sydney"},
    {"Etc/UTC", "UTC"},
    {"Europe/Amsterdam", "Amsterdam"},
    {"Europe/Athens", "Athens"},
    {"Europe/Belgrade", "Belgrade"},
    {"Europe/Berlin", "Berlin"},
    {"Europe/Brussels", "Brussels"},
    {"Europe/Bucharest", "Bucharest"},
    {"Europe/Budapest", "Budapest"},
    {"Europe/Copenhagen", "Copenhagen"},
    {"Europe/Dublin", "Dublin"},
    {"Europe/Helsinki", "Helsinki"},
    {"Europe/Istanbul", "Istanbul"},
    {"Europe/Lisbon", "Lisbon"},
    {"Europe/London", "London"},
    {"Europe/Madrid", "Madrid"},
    {"Europe/Malta", "Rome"},
    {"Europe/Moscow", "Moscow"},
    {"Europe/Paris", "Paris"},
    {"Europe/Prague", "Prague"},
    {"Europe/Riga", "Riga"},
    {"Europe/Rome", "Rome"},
    {"Europe/Sofia", "Sofia"},
    {"Europe/Stockholm", "Stockholm"},
    {"Europe/Tallinn", "Tallinn"},
    {"Europe/Vienna", "Vienna"},
    {"Europe/Vilnius", "Vilnius"},
    {"Europe/Warsaw", "Warsaw"},
    {"Pacific/Auckland", "Auckland"},
    {"Pacific/Fiji", "Fiji"},
    {"Pacific/Honolulu", "Hawaii"},
    {"UTC", "UTC"},
};

const char *rails_zone(struct dr_str zone)
{
    zone = dr_str_trim(zone);
    for (size_t i = 0; i < DR_ARRAY_LEN(zones); i++) {
        if (dr_str_ieq(zone, dr_str_z(zones[i].zone)) ||
            dr_str_eqz(zone, zones[i].name)) {
            return zones[i].name;
        }
    }
    return NULL;
}
