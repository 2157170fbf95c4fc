/* What the server says, in the language of its user (reference 0.2/12, 18). */
#include <string.h>

#include "store.h"

struct phrase {
    const char *en, *nl, *de;
};

static const struct phrase phrases[] = {
    {"%s is invalid", "%s is ongeldig", "%s ist ungültig"},
    {"%s does not exist", "%s bestaat niet", "%s existiert nicht"},
    {"%s is not a valid choice", "%s is geen geldige keuze",
     "%s ist keine gültige Auswahl"},
    {"%s is too long (maximum is %d characters)",
     "%s is te lang (maximaal %d tekens)",
     "%s ist zu lang (nicht mehr als %d Zeichen)"},
    {"%s is not a number", "%s is geen getal", "%s ist keine Zahl"},
    {"%s is not a date", "%s is geen datum", "%s ist kein Datum"},
    {"%s is not a time", "%s is geen tijd", "%s ist keine Zeit"},
    {"Name has already been taken", "Naam is al in gebruik",
     "Name ist bereits vergeben"},
    {"%s is not unique", "%s is niet uniek", "%s ist nicht eindeutig"},
    {"Need to fill this %s to submit the form.",
     "Vul %s in om het formulier te verzenden.",
     "%s muss ausgefüllt werden, um das Formular zu senden."},
    {"%s can't be blank", "%s moet opgegeven zijn",
     "%s muss ausgefüllt werden"},
    {"The type for %s is invalid.", "Het type van %s is ongeldig.",
     "Der Typ von %s ist ungültig."},
    {"%s is too large", "%s is te groot", "%s ist zu groß"},
    {"The storage of the account is full.", "De opslag van het account is vol.",
     "Der Speicher des Kontos ist voll."},
    {"The request body is no form.", "Het verzoek is geen formulier.",
     "Die Anfrage ist kein Formular."},
    {"The request body is too large.", "Het verzoek is te groot.",
     "Die Anfrage ist zu groß."},
    {FORBIDDEN, "U bent niet bevoegd om deze bewerking uit te voeren.",
     "Sie sind nicht berechtigt, diese Aktion auszuführen."},
    {"No more than %d %s are allowed.", "Niet meer dan %d %s toegestaan.",
     "Nicht mehr als %d %s sind erlaubt."},
    {"Too many requests.", "Te veel verzoeken.", "Zu viele Anfragen."},
    {"The record does not exist.", "De record bestaat niet.",
     "Der Datensatz existiert nicht."},
    {"There is no such call.", "Deze aanroep bestaat niet.",
     "Diesen Aufruf gibt es nicht."},
};

static const char *translated(const char *en, const char *language)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(phrases); i++) {
        if (strcmp(phrases[i].en, en) == 0) {
            return strcmp(language, "nl") == 0   ? phrases[i].nl
                   : strcmp(language, "de") == 0 ? phrases[i].de
                                                 : en;
        }
    }
    return en;
}

struct dr_str said(struct account *a, const struct refusal *r,
                   struct dr_arena *ar)
{
    const char *p = translated(r->text, knob_text(a->knobs, "error_language"));
    struct dr_buf b;
    struct dr_str out;

    dr_buf_init(&b, 4096);
    for (; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            dr_buf_z(&b, r->what);
            p++;
        } else if (p[0] == '%' && p[1] == 'd') {
            dr_buf_i64(&b, r->max);
            p++;
        } else {
            dr_buf_ch(&b, *p);
        }
    }
    out = dr_arena_dup(ar, dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}
