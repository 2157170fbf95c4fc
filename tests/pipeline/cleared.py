"""Values that end at the source while it is tailed, in two rounds, and what
the simulated Freshsales holds of them then: nothing, or what stands for it."""
from bench import ndjson

MAIL = "new.contact.14@mail.example"


def edit(s, kind, rid, **properties):
    record = next(r for r in ndjson(s.source.admin, "/sim/records/" + kind)
                  if r["id"] == rid)
    record["properties"].update(properties)
    s.source.post("/sim/admin/%s/%s" % (kind, rid), record, method="PUT")


def contact(s, rid):
    return next(r for r in ndjson(s.target.admin, "/sim/records/contacts")
                if r["external_id"] == rid)


def deals(s):
    return {r["custom_field"]["cf_source_id"]: r for r in ndjson(
        s.target.admin, "/sim/records/deals")}


def products(s):
    return {r["product_code"]: r for r in ndjson(
        s.target.admin, "/sim/records/products")}


def hanging(s, kind, word, text):
    """The one activity whose text says so."""
    found = [r for r in ndjson(s.target.admin, "/sim/records/" + kind)
             if "FastTrack %s [" % word in (r[text] or "")]
    assert len(found) == 1, (word, found)
    return found[0]


def by_a_person(s, kind, record, **attributes):
    s.target.post("/sim/admin/%s/%d" % (kind, record["id"]), attributes,
                  method="PUT")


def begin(s):
    """The first round."""
    by_a_person(s, "contacts", contact(s, "ct_017"),
                emails="by.hand@mail.example")
    edit(s, "contact", "ct_013", email=None)
    edit(s, "contact", "ct_015", email="not an address")
    edit(s, "contact", "ct_016", lifecycle_stage=None)
    edit(s, "contact", "ct_017", email=None)
    edit(s, "contact", "ct_024", lead_status=None)
    edit(s, "call", "ca_01", outcome="connected")
    edit(s, "call", "ca_03", outcome=None)
    edit(s, "meeting", "me_02", time_zone=None)
    edit(s, "meeting", "me_03", all_day=None)
    edit(s, "deal", "de_026", currency=None)
    edit(s, "deal", "de_037", probability=None)
    edit(s, "deal", "de_031", close_date="2026-12-24")
    edit(s, "deal", "de_019", status="open", stage_id="st_offer")
    s.source.post("/sim/admin/deal/de_035", {"op": "archive"})
    edit(s, "product", "pr_04", active=None)
    edit(s, "product", "pr_09", price=None)
    edit(s, "product", "pr_10", price_tiers=[
        {"min_qty": "1", "price": "9.50", "currency": "EUR"}])


def go_on(test, s):
    """The second round, once the first is in the target."""
    held, of = deals(s), products(s)
    test.assertEqual(contact(s, "ct_015")["work_email"], "not an address")
    test.assertIsNone(contact(s, "ct_015")["email"])
    test.assertEqual((held["de_031"]["expected_close"],
                      held["de_031"]["closed_date"]), ("2026-12-24", None))
    test.assertEqual(held["de_035"]["tags"], ["archived"])
    test.assertEqual([p["currency_code"] for p in
                      of["pr_10"]["product_pricings"]], ["USD", "EUR"])
    by_a_person(s, "deals", held["de_035"], tags=["archived", "vip"])
    edit(s, "contact", "ct_015", email=MAIL)
    edit(s, "deal", "de_031", status="won", stage_id="st_won",
         close_date="2026-02-02")
    s.source.post("/sim/admin/deal/de_035", {"op": "restore"})
    edit(s, "product", "pr_10", price_tiers=None)


def check(test, s, result):
    held, of = deals(s), products(s)
    gone = contact(s, "ct_013")
    test.assertEqual((gone["email"], gone["emails"], gone["work_email"]),
                     (None, [], None))
    test.assertEqual((contact(s, "ct_015")["email"],
                      contact(s, "ct_015")["work_email"]), (MAIL, None))
    test.assertIsNone(contact(s, "ct_016")["lifecycle_stage_id"])
    test.assertEqual(contact(s, "ct_017")["email"], "by.hand@mail.example")
    test.assertIsNotNone(contact(s, "ct_024")["lifecycle_stage_id"])
    test.assertIsNone(contact(s, "ct_024")["contact_status_id"])
    for call in ("ca_01", "ca_03"):
        test.assertIsNone(hanging(s, "sales_activities", "call " + call,
                                  "notes")["sales_activity_outcome_id"], call)
    meeting = {i: hanging(s, "appointments", "meeting " + i, "description")
               for i in ("me_02", "me_03")}
    test.assertIsNone(meeting["me_02"]["time_zone"])
    test.assertFalse(meeting["me_03"]["is_allday"])
    # The account's own currency, and what a deal of that stage has.
    test.assertEqual(held["de_026"]["currency_id"],
                     held["de_001"]["currency_id"])
    test.assertEqual(held["de_037"]["probability"], 10)
    test.assertEqual({i: (held[i]["expected_close"], held[i]["closed_date"])
                      for i in ("de_031", "de_019")},
                     {"de_031": (None, "2026-02-02"),
                      "de_019": ("2022-07-22", None)})
    test.assertEqual(held["de_035"]["tags"], ["vip"])
    test.assertTrue(of["pr_04"]["is_active"])
    test.assertEqual((of["pr_09"]["product_pricings"],
                      of["pr_09"]["pricing_type"]), ([], 0))
    test.assertEqual([p["currency_code"] for p in
                      of["pr_10"]["product_pricings"]], ["USD"])
    test.assertIn(("contact", "ct_017", "emails"), {
        (c["object"], c["id"], c["field"])
        for c in result.lines("conflicts.ndjson")})
