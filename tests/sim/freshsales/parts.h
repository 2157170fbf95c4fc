/* How attributes of their own kind are shown and taken: for model.c. */
#ifndef FS_PARTS_H
#define FS_PARTS_H

#include "fs.h"

void show_id(const struct shown *s, const struct rec *r);
void show_display_name(const struct shown *s, const struct rec *r);
void show_email(const struct shown *s, const struct rec *r);
void show_emails(const struct shown *s, const struct rec *r);
void show_phones(const struct shown *s, const struct rec *r);
void show_tags(const struct shown *s, const struct rec *r);
void show_custom(const struct shown *s, const struct rec *r);
void show_links(const struct shown *s, const struct rec *r);
void show_deleted(const struct shown *s, const struct rec *r);
void show_created(const struct shown *s, const struct rec *r);
void show_updated(const struct shown *s, const struct rec *r);
void show_money_rollup(const struct shown *s, const struct rec *r);
void show_count_rollup(const struct shown *s, const struct rec *r);
void show_accounts(const struct shown *s, const struct rec *r);
void show_children(const struct shown *s, const struct rec *r);
void show_age(const struct shown *s, const struct rec *r);
void show_rotten(const struct shown *s, const struct rec *r);
void show_has_products(const struct shown *s, const struct rec *r);
void show_lines(const struct shown *s, const struct rec *r);
void show_contacts(const struct shown *s, const struct rec *r);
void show_contact_ids(const struct shown *s, const struct rec *r);
void show_pricings(const struct shown *s, const struct rec *r);
void show_targetables(const struct shown *s, const struct rec *r);
void show_targetable(const struct shown *s, const struct rec *r);
void show_user_ids(const struct shown *s, const struct rec *r);
void show_fc_widget(const struct shown *s, const struct rec *r);

typedef void take_fn(struct fs *fs, struct rec *r, const struct dr_json *in,
                     struct errs *e);
take_fn take_email, take_emails, take_phones, take_tags, take_custom_field;
take_fn take_accounts, take_account_id, take_inline_account;
take_fn take_contacts_added, take_contacts_removed, take_contact_ids;
take_fn take_lines, take_pricings, take_targetable_id, take_targetable_type;

#endif
