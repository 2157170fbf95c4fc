/* Error texts in the languages of knob error_language: a client must never
 * match on them (0.2, fact 12). */
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#include "fs.h"

/* $ stands for a field, # for a number. */
static const char *const texts[MSG_COUNT][3] = {
    [MSG_TAKEN] = {"Name has already been taken", "Naam is al in gebruik",
                   "Name ist bereits vergeben"},
    [MSG_EMAIL_TAKEN] = {"Email is not unique", "E-mail is niet uniek",
                         "E-Mail ist nicht eindeutig"},
    [MSG_NOT_UNIQUE] = {"$ is not unique", "$ is niet uniek",
                        "$ ist nicht eindeutig"},
    [MSG_NEED] = {"Need to fill this $ to submit the form.",
                  "Vul $ in om het formulier te versturen.",
                  "$ muss ausgefüllt werden, um das Formular zu senden."},
    [MSG_TOO_LONG] = {"$ is too long (maximum is # characters)",
                      "$ is te lang (maximaal # tekens)",
                      "$ ist zu lang (höchstens # Zeichen)"},
    [MSG_TYPE] = {"The type for $ is invalid.", "Het type van $ is ongeldig.",
                  "Der Typ von $ ist ungültig."},
    [MSG_INVALID] = {"$ is invalid", "$ is ongeldig", "$ ist ungültig"},
    [MSG_NOT_A_CHOICE] = {"$ is not included in the list",
                          "$ staat niet in de lijst",
                          "$ ist nicht in der Liste enthalten"},
    [MSG_UNKNOWN_CF] = {"$ is not a field of this module",
                        "$ is geen veld van deze module",
                        "$ ist kein Feld dieses Moduls"},
    [MSG_NOT_FOUND] = {"The record or page was not found", "Niet gevonden",
                       "Nicht gefunden"},
    [MSG_LOGIN] = {"Your credentials are not valid",
                   "Uw inloggegevens zijn ongeldig",
                   "Ihre Anmeldedaten sind ungültig"},
    [MSG_LIMIT] = {"The call limit of the account was reached",
                   "De limiet van het account is bereikt",
                   "Das Limit des Kontos ist erreicht"},
    [MSG_BODY] = {"The request body cannot be read",
                  "De aanvraag kan niet worden gelezen",
                  "Die Anfrage kann nicht gelesen werden"},
    [MSG_TOO_MANY] = {"$ holds more than # entries",
                      "$ heeft meer dan # regels", "$ hat mehr als # Einträge"},
    [MSG_IDENTIFIER] = {"The unique identifier cannot be used",
                        "De unieke sleutel kan niet worden gebruikt",
                        "Der eindeutige Schlüssel ist nicht verwendbar"},
    [MSG_AMBIGUOUS] = {"The unique identifier matches several records",
                       "De unieke sleutel past op meer records",
                       "Der eindeutige Schlüssel passt auf mehrere Einträge"},
    [MSG_FILTER] = {"The filter is missing or unknown",
                    "Het filter ontbreekt of is onbekend",
                    "Der Filter fehlt oder ist unbekannt"},
    [MSG_SERVER] = {"Something went wrong", "Er ging iets mis",
                    "Etwas ist schiefgelaufen"},
};

static int language(const struct fs *fs)
{
    return knob_is(fs->knobs, "error_language", "nl")   ? 1
           : knob_is(fs->knobs, "error_language", "de") ? 2
                                                        : 0;
}

void msg_write(const struct fs *fs, enum msg m, const char *name,
               int64_t number, struct dr_buf *out)
{
    for (const char *p = texts[m][language(fs)]; *p; p++) {
        if (*p == '$') {
            dr_buf_z(out, name ? name : "");
        } else if (*p == '#') {
            dr_buf_i64(out, number);
        } else {
            dr_buf_ch(out, *p);
        }
    }
}

void errs_add(struct errs *e, enum msg m, const char *name, int64_t number)
{
    struct dr_buf b;

    if ((size_t)e->n == DR_ARRAY_LEN(e->text)) {
        return;
    }
    dr_buf_init(&b, 4096);
    msg_write(e->fs, m, name, number, &b);
    e->text[e->n++] = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
}

void errs_done(struct errs *e)
{
    for (int i = 0; i < e->n; i++) {
        free(e->text[i]);
    }
    e->n = 0;
}
