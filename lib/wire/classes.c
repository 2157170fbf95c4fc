#include <drover/wire/classes.h>

#include <drover/base/attrs.h>

const struct dr_class dr_classes[] = {
    {"address_taken",
     "nothing; or correct the address of one of the two, or, where Freshsales "
     "shows no other contact with it, restore the one in the recycle bin or "
     "delete it there for good: the next version of this record takes its own "
     "address where that is free"},
    {"bad_text", "remove the character that Freshsales cannot store from the "
                 "text in FastTrack"},
    {"bad_value",
     "correct the value in FastTrack, or map it otherwise in the plan"},
    {"broken_file",
     "upload the file in FastTrack again; it is picked up by itself"},
    {"changed_in_target", "look at it in Freshsales and delete it by hand"},
    {"circle", "nothing; or give one of these companies another parent: the "
               "next version of this record is tried with its own"},
    {"class_change", "change the record in Freshsales by hand, or make it a "
                     "contact in FastTrack again"},
    {"conflict", "decide which value is right; where it is the source's, set "
                 "it in Freshsales by hand"},
    {"corrupt", "mend the record in FastTrack: the tail picks it up by itself"},
    {"deal_gone", "delete the line, or restore its deal, in FastTrack"},
    {"duplicate",
     "another record of Freshsales has this name or address: where it is one "
     "that was deleted in FastTrack, let its removal through (`drover removals "
     "list`, `drover removals approve --object O --ids ID`); where Freshsales "
     "shows none, it lies in the recycle bin: restore it, or delete it there "
     "for good; else merge into it by the plan, or change one of them; then "
     "redrive"},
    {"file_damaged", "let FastTrack hold the whole file again; it is read anew "
                     "when it changes there, then redrive"},
    {"file_left", "nothing: it goes with the record it is on, whose removal is "
                  "proposed; or delete it there by hand"},
    {"gone", "where it was deleted on purpose, nothing; else restore it (of a "
             "line item, its deal) from the recycle bin of Freshsales, which "
             "keeps it for 90 days, then redrive"},
    {"left_behind", "clear those fields in Freshsales by hand"},
    {"missing_pipeline", "create the pipeline as the checklist says, then "
                         "propose and approve the plan again"},
    {"name_taken",
     "nothing; or call one of the two otherwise, or, where Freshsales shows no "
     "other account of this name, restore the one in the recycle bin or delete "
     "it there for good: the next version of this record takes its own name "
     "where that is free"},
    {"no_product", "give the line a product in FastTrack"},
    {"no_target", "link it with a deal, contact or company in FastTrack"},
    {"not_ours", "delete it in Freshsales by hand if it is not needed"},
    {"occupied", "let the plan make notes or a module of this object, or clear "
                 "the fields in Freshsales, then redrive"},
    {"other_currency", "give the line its deal's currency in FastTrack, or "
                       "propose the plan with --line-currency deal"},
    {"outcome_unknown",
     "look for it in Freshsales; where it is missing, create it there by hand"},
    {"owner_unresolved",
     "create the user, or name a fallback owner, and have the plan approved"},
    {"parent_gone", "where that was meant, nothing; else restore the record "
                    "whose fields it became, in FastTrack or from the recycle "
                    "bin of Freshsales, and propose the plan anew"},
    {"parent_missing", "cure the record that it belongs to (`drover find` "
                       "tells what became of it), then redrive"},
    {"redacted", "give the token the scope that it lacks, or accept the loss: "
                 "an e-mail is read again by itself then, another record when "
                 "it changes in FastTrack"},
    {"refused",
     "change the value in FastTrack, or the rule in the plan, then redrive"},
    {"rejected",
     "see its reason, cure that in FastTrack or in the plan, then redrive"},
    {"required_empty", "give the record in FastTrack what Freshsales requires"},
    {"server_error", "ask the support of Freshsales, then redrive"},
    {"storage_full",
     "where the account's storage is full, buy or clear some, then redrive"},
    {"too_large", "make the record or the file smaller in FastTrack"},
    {"too_many_lines", "join lines, or split the deal, in FastTrack"},
    {"unchangeable",
     "delete it in Freshsales and add the new one by hand, or leave it"},
    {"unknown_currency",
     "add the currency in Freshsales and propose the plan again"},
    {"unknown_pipeline", "move the deal to a pipeline that exists"},
    {"unknown_stage", "move the deal to a stage of its pipeline in FastTrack"},
    {"unreadable",
     "ask FastTrack to repair the record, or accept that it stays behind"},
};
const size_t dr_class_count = DR_ARRAY_LEN(dr_classes);

const struct dr_class *dr_class_named(struct dr_str name)
{
    for (size_t i = 0; i < dr_class_count; i++) {
        if (dr_str_eqz(name, dr_classes[i].name)) {
            return &dr_classes[i];
        }
    }
    return NULL;
}
