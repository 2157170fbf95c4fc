/* Attributes that are computed when they are shown; kinds.c names them. */
#ifndef FRESHSALES_KINDS_H
#define FRESHSALES_KINDS_H

#include "store.h"

void show_display_name(const struct show *s);
void show_links(const struct show *s);
void show_open_amount(const struct show *s);
void show_won_amount(const struct show *s);
void show_open_count(const struct show *s);
void show_won_count(const struct show *s);
void show_recent_note(const struct show *s);
void show_mcr_id(const struct show *s);
void show_creater(const struct show *s);
void show_updater(const struct show *s);
void show_assigned(const struct show *s);
void show_children(const struct show *s);
void show_base_amount(const struct show *s);
void show_expected_value(const struct show *s);
void show_age(const struct show *s);
void show_rotten(const struct show *s);
void show_stage_time(const struct show *s);
void show_base_price(const struct show *s);
void show_accounts(const struct show *s);
void show_contacts(const struct show *s);
void show_contact_ids(const struct show *s);
void show_deal_ids(const struct show *s);
void show_task_ids(const struct show *s);
void show_note_ids(const struct show *s);
void show_appointment_ids(const struct show *s);
void show_end_date(const struct show *s);
void show_target_id(const struct show *s);
void show_target_type(const struct show *s);
void show_target(const struct show *s);
void show_created(const struct show *s);
void show_attendee_ids(const struct show *s);

void show_url(const struct show *s);
void show_size(const struct show *s);

void show_team(const struct show *s);

extern const struct attr file_attrs[], link_attrs[], list_attrs[];
extern const struct attr appointment_attrs[], activity_attrs[], call_attrs[];

#endif
