#!/usr/bin/env python3
"""Writes the product's own small tenant: a FastTrack export folder (source/)
and a Freshsales account to load it into (tenant.json).

Everything is invented here and the same on every run. The folder holds each
kind of record that Drover carries, and one of each kind of dirt that a real
CRM has, so that the demo shows books that balance although not all is clean.

    python3 tests/data/make_data.py OUTPUT_DIR
"""
import hashlib
import json
import pathlib
import sys

import rows
from rows import CITIES, day, number, pick, record, tasks

T0 = "2026-03-02T08:00:00Z"
WORDS = ["Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel",
         "Ironwood", "Juniper", "Katsura", "Larch", "Maple", "Nutmeg", "Oak",
         "Poplar", "Quince", "Rowan", "Spruce", "Teak", "Ulmo", "Viburnum",
         "Willow", "Yew"]
FIRST = ["Ada", "Bo", "Chen", "Dina", "Emre", "Fay", "Gus", "Hana", "Ivo",
         "Jun", "Kim", "Lea", "Max", "Nia", "Ole", "Pia"]
LAST = ["Adler", "Brandt", "Costa", "Dahl", "Evans", "Fischer", "Grün", "Hale",
        "Ito", "Jansen", "Kovač", "Lund"]


def companies():
    out = []
    for i in range(24):
        rid = "co_%03d" % (i + 1)
        name = WORDS[i] + pick([" Works", " Trading", " Labs", " & Sons"],
                               "co", i)
        out.append(record("company", rid, {
            "name": name, "domain": WORDS[i].lower() + ".example",
            "website": "https://%s.example/" % WORDS[i].lower(),
            "phone": "+1 555 01%02d" % i,
            "industry": pick(["retail", "software", "medical"], "ind", i),
            "employees": str(number(3, 4000, "emp", i)),
            "annual_revenue": "%d.%02d" % (number(10000, 99999999, "rev", i),
                                           number(0, 99, "rc", i)),
            "currency": pick(["USD", "EUR"], "cur", i),
            "street": "%d Main Street" % (i + 1), "city": pick(CITIES, i),
            "state": None, "postal_code": "%05d" % (i * 37),
            "country": pick(["Portugal", "Poland", "Japan"], "cc", i),
            "parent_company_id": None,
            "customer_since": day("since", i),
            "tags": ["key"] if i % 5 == 0 else None,
            "description": None}))
    by = {r["id"]: r["properties"] for r in out}
    by["co_002"]["parent_company_id"] = "co_001"
    by["co_003"]["parent_company_id"] = "co_002"
    by["co_004"]["parent_company_id"] = "co_005"   # a cycle of two
    by["co_005"]["parent_company_id"] = "co_004"
    by["co_006"]["parent_company_id"] = "co_006"   # its own parent
    by["co_007"]["parent_company_id"] = "co_999"   # a parent that is gone
    by["co_009"]["name"] = by["co_008"]["name"]    # two of one name
    by["co_010"]["name"] = "  "                    # no name at all
    by["co_011"]["industry"] = "retial"            # not among the options
    out[11]["owner_id"] = "o_5"                    # has no user there
    out[12]["archived"] = True
    return out


def contacts():
    out = []
    for i in range(48):
        rid = "ct_%03d" % (i + 1)
        first, last = pick(FIRST, "f", i), pick(LAST, "l", i)
        person = i % 6 == 5
        out.append(record("contact", rid, {
            "record_kind": "person" if person else "contact",
            "first_name": first, "last_name": last,
            "email": "%s.%s.%d@%s.example" % (first.lower(),
                                              "contact", i, "mail"),
            "emails": None, "phone": "+1 555 02%02d" % i, "phones": None,
            "job_title": pick(["Buyer", "Owner", None, "IT manager"], "j", i),
            "lifecycle_stage": "lead" if person
            else pick(["customer", "sql"], "ls", i),
            "lead_status": pick(["new", "contacted"], "st", i)
            if person else None,
            "lead_source": pick(["web", "referral", "trade_show"], "src", i),
            "lead_score": str(number(0, 100, "score", i)),
            "converted_at": None, "primary_company_id": None,
            "street": None, "city": pick(CITIES, "ct", i), "state": None,
            "postal_code": None, "country": None,
            "consent_email": i % 3 == 0, "consent_at": None,
            "do_not_contact": False,
            "last_activity_at": "2026-01-05T10:00:00Z",
            "tags": ["vip"] if i % 7 == 0 else None}))
    by = {r["id"]: r["properties"] for r in out}
    by["ct_002"]["email"] = by["ct_001"]["email"].upper()  # a twin
    by["ct_003"]["email"] = None
    by["ct_004"]["email"] = "not an address"
    by["ct_005"]["email"] = "Known.Person@existing.example"  # is there already
    by["ct_007"]["last_name"] = "O'Neill 🌲"
    by["ct_008"]["consent_at"] = "2024-02-29T23:30:00+02:00"
    by["ct_009"]["consent_at"] = "yesterday"               # no date
    return out


def products():
    return [record("product", "pr_%02d" % (i + 1), {
        "name": "%s kit" % WORDS[i], "sku": "KIT-%02d" % (i + 1),
        "category": pick(["Hardware", "Service"], "cat", i),
        "price": "%d.%02d" % (number(5, 900, "p", i), number(0, 99, "pc", i)),
        "currency": "USD", "price_tiers": None, "active": i != 3,
        "description": "Kit number %d" % (i + 1)}, owner="o_1")
        for i in range(12)]


def deals():
    out = []
    for i in range(40):
        rid = "de_%03d" % (i + 1)
        stage = pick(["st_new", "st_offer", "st_won", "st_lost"], "stage", i)
        closed = stage in ("st_won", "st_lost")
        name = ("Kit deal - %s" % WORDS[i % 5]) if i % 3 else \
            "Order %04d" % (1000 + i)
        out.append(record("deal", rid, {
            "name": name,
            "amount": "%d.%02d" % (number(50, 90000, "amt", i),
                                   number(0, 99, "ac", i)),
            "currency": pick(["USD", "EUR"], "dcur", i),
            "pipeline_id": "pl_sales", "stage_id": stage,
            "status": {"st_won": "won", "st_lost": "lost"}.get(stage, "open"),
            "close_date": day("close", i) if closed else None,
            "probability": str(number(5, 95, "prob", i)),
            "forecast_category": "closed" if closed else "pipeline",
            "deal_type": pick(["new_business", "renewal"], "dt", i),
            "lead_source": pick(["web", "referral"], "dsrc", i),
            "lost_reason": "price" if stage == "st_lost" else None,
            "description": None}))
    by = {r["id"]: r["properties"] for r in out}
    by["de_002"]["amount"] = "$1,099.00"        # no plain number
    by["de_003"]["amount"] = None
    by["de_004"]["stage_id"] = "st_unknown"
    by["de_005"]["amount"] = "123456789012345678.0001"
    by["de_006"]["currency"] = None
    return out


def lines():
    """In their deal's currency, but for the last ones."""
    out = []
    currency = {r["id"]: r["properties"]["currency"] for r in deals()}
    for i in range(0, 40, 2):
        for k in range(1 + i % 3):
            rid = "li_%03d_%d" % (i + 1, k + 1)
            price = "%d.%02d" % (number(5, 900, "lp", rid),
                                 number(0, 99, "lpc", rid))
            out.append(record("line_item", rid, {
                "deal_id": "de_%03d" % (i + 1),
                "product_id": "pr_%02d" % number(1, 12, "lpr", rid),
                "name": "Kit", "quantity": str(number(1, 9, "q", rid)),
                "unit_price": price, "discount_type": "percent"
                if k == 1 else None, "discount": "10" if k == 1 else None,
                "tax": "19.50" if k == 2 else None, "line_total": None,
                "currency": currency["de_%03d" % (i + 1)] if i < 32
                else "USD",
                "position": str(k + 1)}))
    out[3]["properties"]["product_id"] = None    # not in the catalogue
    out[4]["properties"]["deal_id"] = "de_999"   # its deal is gone
    return out


def link(out, frm, to, type_id, label, primary):
    out.append((frm, to, type_id, label, primary))


def associations():
    pairs = {"contact_company": [], "deal_company": [], "deal_contact": []}
    for i in range(48):
        if i % 6 == 5 or i == 10:
            continue
        link(pairs["contact_company"], "ct_%03d" % (i + 1),
             "co_%03d" % (i % 24 + 1), 3, "Primary", "true")
        if i % 8 == 0:
            link(pairs["contact_company"], "ct_%03d" % (i + 1),
                 "co_%03d" % ((i + 5) % 24 + 1), 1, "Works at", "false")
    link(pairs["contact_company"], "ct_012", "co_777", 1, "Works at", "false")
    for i in range(40):
        if i % 5:
            link(pairs["deal_company"], "de_%03d" % (i + 1),
                 "co_%03d" % (i % 24 + 1), 5, "Customer", "true")
        link(pairs["deal_contact"], "de_%03d" % (i + 1),
             "ct_%03d" % (i + 1), 7, "Contact", "true")
        if i % 4 == 0:
            link(pairs["deal_contact"], "de_%03d" % (i + 1),
                 "ct_%03d" % ((i + 9) % 48 + 1), 7, "Contact", "false")
    pairs.update(rows.hanging())
    return pairs


TYPES = {
    "company": [("name", "string"), ("domain", "string"), ("website", "url"),
                ("phone", "phone"),
                ("industry", "enum", "retail software medical"),
                ("employees", "int"), ("annual_revenue", "money"),
                ("currency", "enum", "USD EUR"), ("street", "string"),
                ("city", "string"), ("state", "string"),
                ("postal_code", "string"), ("country", "string"),
                ("parent_company_id", "reference"), ("customer_since", "date"),
                ("tags", "string*"), ("description", "html")],
    "contact": [("record_kind", "enum", "contact person"),
                ("first_name", "string"), ("last_name", "string"),
                ("email", "email"), ("emails", "email*"), ("phone", "phone"),
                ("phones", "phone*"), ("job_title", "string"),
                ("lifecycle_stage", "enum", "lead sql customer"),
                ("lead_status", "enum", "new contacted"),
                ("lead_source", "enum", "web referral trade_show"),
                ("lead_score", "int"), ("converted_at", "datetime"),
                ("primary_company_id", "reference"), ("street", "string"),
                ("city", "string"), ("state", "string"),
                ("postal_code", "string"), ("country", "string"),
                ("consent_email", "bool"), ("consent_at", "datetime"),
                ("do_not_contact", "bool"), ("last_activity_at", "datetime!"),
                ("tags", "string*")],
    "deal": [("name", "string"), ("amount", "money"),
             ("currency", "enum", "USD EUR"), ("pipeline_id", "reference"),
             ("stage_id", "reference"), ("status", "enum", "open won lost"),
             ("close_date", "date"), ("probability", "percent"),
             ("forecast_category", "enum",
              "pipeline best_case commit closed omitted"),
             ("deal_type", "enum", "new_business renewal"),
             ("lead_source", "enum", "web referral"),
             ("lost_reason", "enum", "price competitor"),
             ("description", "html")],
    "product": [("name", "string"), ("sku", "string"),
                ("category", "enum", "Hardware Service"), ("price", "money"),
                ("currency", "enum", "USD EUR"), ("price_tiers", "json"),
                ("active", "bool"), ("description", "html")],
    "line_item": [("deal_id", "reference"), ("product_id", "reference"),
                  ("name", "string"), ("quantity", "decimal"),
                  ("unit_price", "money"),
                  ("discount_type", "enum", "percent amount"),
                  ("discount", "decimal"), ("tax", "decimal"),
                  ("line_total", "money"), ("currency", "enum", "USD EUR"),
                  ("position", "int")],
}
TYPES.update(rows.TYPES)


def property_entry(spec):
    name, kind = spec[0], spec[1]
    options = spec[2].split() if len(spec) > 2 else []
    return {"name": name, "label": name.replace("_", " ").capitalize(),
            "data_type": kind.rstrip("*!"), "multi": kind.endswith("*"),
            "required": False, "unique": False, "read_only": False,
            "calculated": kind.endswith("!"), "formula": None,
            "max_length": None, "precision": None, "scale": None,
            "currency_property": "currency" if kind == "money" else None,
            "references": None, "archived": False, "sensitive": False,
            "plan_min": "starter",
            "options": [{"value": o, "label": o.replace("_", " ").capitalize()
                         if o.islower() else o, "order": i + 1,
                         "hidden": False, "archived": False}
                        for i, o in enumerate(options)],
            "schema_version": 1}


def schema(counts):
    assoc = [("contact", "company", 3, "Primary"),
             ("contact", "company", 1, "Works at"),
             ("deal", "company", 5, "Customer"),
             ("deal", "contact", 7, "Contact")]
    assoc += [(*pair.rsplit("_", 1), links[0][2], links[0][3])
              for pair, links in rows.hanging().items()]
    return {"schema_version": 1,
            "objects": {"results": [
                {"type": t, "label": t.replace("_", " ").capitalize(),
                 "label_plural": t + "s", "custom": t.startswith("co_"),
                 "primary_display": TYPES[t][0][0], "required": [],
                 "record_count": counts[t], "readable": True} for t in TYPES]},
            "properties": {t: {"results": [property_entry(s) for s in v]}
                           for t, v in TYPES.items()},
            "associations": {"results": [
                {"from": f, "to": t, "type_id": i, "label": n,
                 "category": "system", "cardinality": "many_to_many",
                 "max_per_record": 10000} for f, t, i, n in assoc]},
            "events": {"results": rows.EVENT_TYPES}}


PIPELINES = {"deal": {"results": [{
    "id": "pl_sales", "label": "Sales", "order": 1, "archived": False,
    "version": 1, "stages": [
        {"id": i, "label": n, "order": k + 1, "probability": p,
         "is_closed": c, "is_won": w, "forecast_category": f,
         "archived": False} for k, (i, n, p, c, w, f) in enumerate([
             ("st_new", "New lead", "0.10", False, False, "pipeline"),
             ("st_offer", "Offer sent", "0.50", False, False, "best_case"),
             ("st_won", "Won", "1.00", True, True, "closed"),
             ("st_lost", "Lost", "0.00", True, False, "omitted")])]}]}}

PEOPLE = [("o_1", "u_1", "robin.keller@sales.example", "Robin", "Keller"),
          ("o_2", "u_2", "Sam.Ortega@sales.example", "Sam", "Ortega"),
          ("o_3", "u_3", "toni.park@sales.example", "Toni", "Park"),
          ("o_4", "u_4", "uma.reyes@sales.example", "Uma", "Reyes"),
          ("o_5", "u_5", "left.company@sales.example", "Val", "Stone")]


def changed(rec, **properties):
    return dict(rec, version=rec["version"] + 1,
                properties=dict(rec["properties"], **properties))


def changes():
    late = record("contact", "ct_901", dict(contacts()[0]["properties"],
                  email="late.arrival@mail.example", last_name="Arrival"),
                  version=1)
    edited = changed(contacts()[19], job_title="Director")
    deal = record("deal", "de_901", dict(deals()[0]["properties"],
                  name="Late order", amount="77.70"), version=1)
    line = record("line_item", "li_901", dict(lines()[0]["properties"],
                  deal_id="de_901", product_id="pr_01"), version=1)
    notes = rows.notes()
    spoken = changed(rows.calls()[1], subject="Call 1, again")
    ops = [("upsert", late), ("assoc_add", ("contact", "company", "ct_901",
                                            "co_001", 3, "Primary", True)),
           ("upsert", edited), ("upsert", deal),
           ("assoc_add", ("deal", "company", "de_901", "co_001", 5,
                          "Customer", True)),
           ("assoc_add", ("deal", "contact", "de_901", "ct_901", 7,
                          "Contact", True)),
           ("upsert", line), ("delete", ("task", "ta_020", tasks()[19])),
           ("archive", ("contact", "ct_030", contacts()[29])),
           ("upsert", spoken), ("delete", ("note", "no_05", notes[4])),
           ("assoc_add", ("meeting", "contact", "me_05", "ct_011", 41,
                          "About", True)),
           ("delete", ("contact", "ct_044", contacts()[43]))]
    # Deals that lose every line: by its product, by the deal's currency.
    ops += [("upsert", changed(r, product_id=None)) for r in lines()
            if r["properties"]["deal_id"] == "de_029"]
    ops.append(("upsert", changed(deals()[24], currency="EUR")))
    out = []
    for seq, (op, what) in enumerate(ops):
        row = {"seq": seq + 1, "at_s": 3600 * (seq + 1), "op": op}
        if op == "upsert":
            row.update(type=what["type"], id=what["id"],
                       version=what["version"], record=what)
        elif op == "assoc_add":
            row.update(zip(("from_type", "to_type", "from_id", "to_id",
                            "type_id", "label", "primary"), what),
                       category="system")
        else:
            row.update(type=what[0], id=what[1],
                       version=what[2]["version"] + 1)
        out.append(row)
    return out


def dump(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def file_entry(root, path, obj, rows, **more):
    data = (root / path).read_bytes()
    entry = {"path": path, "object": obj, "format": path.rsplit(".")[-1],
             "compression": "none", "rows": rows, "bytes": len(data),
             "sha256": hashlib.sha256(data).hexdigest(), "encoding": "utf-8",
             "delimiter": "," if path.endswith(".csv") else None}
    entry.update(more)
    return entry


def write_events(root):
    path = "events/events-0001.ndjson"
    dump(root / path, "".join(compact(e) + "\n" for e in rows.events()))
    return file_entry(root, path, "event", len(rows.events()))


def write_files(root):
    """Bytes, and the index: one row a parent, one without any for none."""
    path = "files/index.csv"
    lines_ = ["id,file_name,size,sha256,parent_type,parent_id,content_type,"
              "status,content"]
    for fid, name, content, parents in rows.FILES:
        known = isinstance(content, int)
        for kind, pid in parents or [("", "")]:
            lines_.append(",".join([
                fid, name, str(rows.file_size(content)),
                rows.file_hash(fid, content), kind, pid,
                "application/octet-stream", "available",
                "pattern251" if known else "file"]))
        if not known:
            (root / "files").mkdir(parents=True, exist_ok=True)
            (root / "files" / fid).write_bytes(content)
    dump(root / path, "\n".join(lines_) + "\n")
    return file_entry(root, path, "file_index", len(lines_) - 1)


def write_source(root):
    objects = {"company": companies(), "contact": contacts(), "deal": deals(),
               "product": products(), "line_item": lines(), "task": tasks(),
               "call": rows.calls(), "email": rows.emails(),
               "meeting": rows.meetings(), "letter": rows.letters(),
               "note": rows.notes(), "co_parcel": rows.parcels(),
               "attachment": rows.attachments()}
    raw = ('{"type":"contact","id":"ct_bad","version":2,"created_at":'
           '"2020-01-01T00:00:00Z","updated_at":"2026-02-01T00:00:00Z",'
           '"properties":{"last_name":')
    files = []
    for name, recs in objects.items():
        path = "objects/%s-0001.ndjson" % name
        dump(root / path, "".join(compact(r) + "\n" for r in recs))
        files.append(file_entry(root, path, name, len(recs)))
    dump(root / "objects/contact-raw-0001.ndjson", raw + "\n")
    files.append(file_entry(root, "objects/contact-raw-0001.ndjson",
                            "contact", 1, raw=True))
    for pair, links in associations().items():
        path = "associations/%s.csv" % pair
        dump(root / path, "from_id,to_id,type_id,label,primary,category,"
             "updated_at\n" + "".join("%s,%s,%d,%s,%s,system,2025-01-01T00:00:"
                                      "00Z\n" % r for r in links))
        frm, to = pair.rsplit("_", 1)
        files.append(file_entry(root, path, "association", len(links),
                                **{"from": frm, "to": to}))
    files += [write_events(root), write_files(root)]
    counts = {k: len(v) for k, v in objects.items()}
    counts["contact"] += 1
    owners = [{"id": i, "user_id": u, "kind": "person", "email": m,
               "first_name": f, "last_name": n, "active": True, "teams": [],
               "version": 1, "archived": False} for i, u, m, f, n in PEOPLE]
    plain = {"schema.json": schema(counts), "pipelines.json": PIPELINES,
             "owners.json": {"results": owners},
             "currencies.json": {"results": [
                 {"code": c, "minor_units": 2, "active": True, "rates": []}
                 for c in ("USD", "EUR")]},
             "tags.json": {"results": []},
             "automation.json": rows.AUTOMATION}
    for name, value in plain.items():
        dump(root / name, json.dumps(value, ensure_ascii=False, indent=1)
             + "\n")
    dump(root / "changes.ndjson", "".join(compact(c) + "\n"
                                          for c in changes()))
    dump(root / "tombstones.ndjson", compact(
        {"type": "company", "id": "co_777", "op": "delete", "version": 4,
         "updated_at": "2026-01-10T10:00:00Z", "merged_into": None}) + "\n")
    manifest = {
        "profile": "fasttrack/1", "contract": "1", "name": "demo",
        "produced_at": T0,
        "window": {"from": "1970-01-01T00:00:00Z", "to": T0},
        "schema": "schema.json", "number_encoding": "string",
        "account": {
            "tenant_id": "t_demo", "name": "Arboretum Supplies",
            "plan": "enterprise", "region": "eu", "time_zone": "Europe/Malta",
            "default_currency": "USD", "api_version": "1.4",
            "scopes": ["objects.read", "email_body.read", "files.read",
                       "automation.read"],
            "capabilities": {
                "bulk_export": False, "custom_objects": True,
                "change_feed": True, "index": True, "event_schema": "nested",
                "timestamp_granularity": "s", "max_visibility_lag_s": 120,
                "tombstone_retention_days": 90, "max_page_size": 200,
                "search_result_cap": 10000, "download_url_ttl_s": 900,
                "number_encoding": "string",
                "association_bumps_parent": False},
            "throttle": {"policy": "standard", "lifted_until": None}},
        "files": files,
        "poison": [{"type": "contact", "id": "ct_bad", "form": "with_id"}]}
    dump(root / "manifest.json", json.dumps(manifest, indent=1) + "\n")


class Ids:
    def __init__(self):
        self.next = 31000000001

    def __call__(self):
        self.next += 1
        return self.next - 1


def named(ids, names, **more):
    return [dict({"partial": True, "id": ids(), "name": n, "position": i + 1},
                 **more) for i, n in enumerate(names)]


def field(ids, model, position, name, kind, required=False, default=True,
          choices=()):
    return {"id": ids(), "label": name.replace("_", " ").capitalize()
            if default else name[3:].replace("_", " ").capitalize(),
            "name": name, "type": kind, "default": default, "actionable": True,
            "position": position, "choices": list(choices),
            "base_model": model, "required": required,
            "quick_add_position": None, "visible": True}


FIELDS = {
    "contacts": ("Contact", "first_name last_name sales_accounts:group_field "
                 "emails:group_field mobile_number work_number work_email "
                 "external_id owner_id:dropdown lifecycle_stage_id:dropdown "
                 "contact_status_id:dropdown tags:auto_complete job_title "
                 "phone_numbers:group_field address city state zipcode "
                 "country lead_source_id:dropdown cf_source_id"),
    "sales_accounts": ("SalesAccount", "name! phone website address city "
                       "state zipcode country owner_id:dropdown "
                       "annual_revenue:number parent_sales_account_id:"
                       "auto_complete tags:auto_complete cf_source_id"),
    "deals": ("Deal", "name! amount:number! sales_account_id:auto_complete "
              "contacts:auto_complete deal_pipeline_id:dropdown "
              "deal_stage_id:dropdown closed_date:date owner_id:dropdown "
              "currency_id:dropdown tags:auto_complete probability:number "
              "expected_close:date deal_type_id:dropdown "
              "lead_source_id:dropdown forecast_category:dropdown "
              "cf_source_id"),
    "sales_activities": ("SalesActivity", "title! start_date:date_time_split! "
                         "end_date:date_time_split! targetable:"
                         "auto_complete! owner_id:dropdown notes:textarea "
                         "sales_activity_type_id:dropdown! location "
                         "sales_activity_outcome_id:dropdown "
                         "status:checkbox"),
}


def field_list(ids, model, spec):
    out = []
    for n, word in enumerate(spec.split()):
        required = word.endswith("!")
        name, _, kind = word.rstrip("!").partition(":")
        choices = []
        if name == "forecast_category":
            choices = [{"id": 1, "value": "Committed", "position": 1},
                       {"id": 2, "value": "Best-case", "position": 2}]
        out.append(field(ids, model, n + 1, name, kind or "text", required,
                         not name.startswith("cf_"), choices))
    return out


def tenant():
    ids = Ids()
    users = [{"id": ids(), "display_name": "%s %s" % (f, n),
              "email": m.lower(), "is_active": True, "work_number": None,
              "mobile_number": None} for _, _, m, f, n in PEOPLE[:4]]
    admin = {"id": ids(), "display_name": "Drover Import",
             "email": "drover@sales.example", "is_active": True,
             "work_number": None, "mobile_number": None}
    pipeline = ids()
    stages = [{"partial": True, "id": ids(), "name": n, "position": i + 1,
               "forecast_type": t, "updated_at": "2026-01-05T08:00:00Z",
               "deal_pipeline_id": pipeline, "choice_type": c,
               "probability": p} for i, (n, t, c, p) in enumerate([
                   ("New", "Open", 5, 100), ("Demo", "Open", 2, 100),
                   ("Won", "Closed Won", 4, 100),
                   ("Lost", "Closed Lost", 4, 0)])]
    lead, sql, customer = ids(), ids(), ids()
    statuses = [dict(s, forecast_type="Open", lifecycle_stage_id=lead)
                for s in named(ids, ["New", "Contacted", "Interested"])]
    statuses += [dict(s, forecast_type="Open", lifecycle_stage_id=sql)
                 for s in named(ids, ["Qualified"])]
    statuses += [dict(s, forecast_type="Closed Won",
                      lifecycle_stage_id=customer)
                 for s in named(ids, ["Won"])]
    stage_of = [(lead, "Lead", "Lead"),
                (sql, "Sales Qualified Lead", "Sales Qualified Lead"),
                (customer, "Customer", "Customer")]
    selectors = {
        "users": users + [admin],
        "territories": [],
        "deal_pipelines": [{
            "partial": True, "id": pipeline, "name": "Default Pipeline",
            "position": 1, "is_default": True, "rotting_days": 30,
            "configs": [], "aggregated_field": "expected_deal_value",
            "deal_stages": stages}],
        "deal_stages": stages,
        "currencies": [{"partial": True, "id": ids(), "is_active": True,
                        "currency_code": "USD", "exchange_rate": "1.0",
                        "currency_type": 1, "schedule_info": None}],
        "deal_reasons": named(ids, ["Price is too high", "No response"]),
        "deal_types": named(ids, ["New Business"]),
        "deal_payment_statuses": named(ids, ["Offline", "Online"]),
        "deal_products": [],
        "lead_sources": named(ids, ["Web", "Referral", "Email"]),
        "campaigns": [], "industry_types": named(ids, ["Retail"]),
        "business_types": named(ids, ["Customer", "Partner"]),
        "lifecycle_stages": [
            {"id": i, "name": n, "position": k + 1, "disabled": False,
             "default": True, "type": t,
             "contact_status_ids": [s["id"] for s in statuses
                                    if s["lifecycle_stage_id"] == i]}
            for k, (i, n, t) in enumerate(stage_of)],
        "contact_statuses": statuses,
        "sales_activity_types": [], "sales_activity_outcomes": [],
        "sales_activity_entity_types": [],
        "designations": named(ids, ["Account manager"])}
    task_type = ids()
    selectors["sales_activity_types"] = [
        {"partial": True, "id": task_type, "name": "Task",
         "internal_name": "task", "show_in_conversation": True, "position": 1,
         "is_default": True, "is_checkedin": False,
         "is_checkedin_mandatory": False, "is_outcome_mandatory": False}]
    selectors["sales_activity_entity_types"] = [
        {"partial": True, "id": ids(), "name": "Follow up",
         "sales_activity_type_id": task_type, "position": 1,
         "sales_activity_type_name": "Task"}]
    fields = {k: field_list(ids, *v) for k, v in FIELDS.items()}
    views = {"contacts": ("Contact", ["All Contacts", "Recycle Bin"]),
             "sales_accounts": ("SalesAccount", ["All Accounts",
                                                 "Recycle Bin"]),
             "deals": ("Deal", ["Open Deals", "Won Deals", "Lost Deals",
                                "All Deals", "Recycle Bin"])}
    views = {k: [{"id": ids(), "name": n, "model_class_name": m, "user_id": 0,
                  "is_default": True} for n in names]
             for k, (m, names) in views.items()}
    stamp = {"created_at": "2024-05-06T07:08:09Z",
             "updated_at": "2024-05-06T07:08:09Z", "is_deleted": False}
    account = dict({
        "id": ids(), "name": "Hazel & Sons", "address": None, "city": None,
        "state": None, "zipcode": None, "country": None,
        "number_of_employees": None, "annual_revenue": 1, "website": None,
        "phone": "+1 555 0999", "owner_id": users[0]["id"],
        "parent_sales_account_id": None, "industry_type_id": None,
        "business_type_id": None, "tags": ["existing"],
        "custom_field": {"cf_source_id": None}}, **stamp)
    contact = dict({
        "id": ids(), "first_name": "Known", "last_name": "Person",
        "job_title": "Old title", "email": "known.person@existing.example",
        "emails": [{"id": ids(), "value": "known.person@existing.example",
                    "is_primary": True, "label": None}],
        "work_number": None, "mobile_number": "+1 555 0100",
        "phone_numbers": [], "address": None, "city": None, "state": None,
        "zipcode": None, "country": None, "external_id": None,
        "subscription_status": 2, "tags": ["existing"],
        "owner_id": users[0]["id"], "lifecycle_stage_id": lead,
        "contact_status_id": statuses[0]["id"], "lead_source_id": None,
        "sales_accounts": [{"id": account["id"], "is_primary": True}],
        "custom_field": {"cf_source_id": None}}, **stamp)
    untouched = dict(contact, id=ids(), first_name="Leave", last_name="Alone",
                     email="leave.alone@existing.example",
                     emails=[{"id": ids(),
                              "value": "leave.alone@existing.example",
                              "is_primary": True, "label": None}],
                     tags=["must-stay-as-is"])
    return {
        "format": "freshsales-tenant/1", "name": "demo", "edition": "suite",
        "plan": "pro", "bundle_alias": "arboretum",
        "account": {"time_zone": "UTC", "utc_offset": "+00:00",
                    "base_currency": "USD", "language": "en"},
        "api_user_id": admin["id"], "selectors": selectors, "fields": fields,
        "custom_modules": [], "views": views,
        "records": {"sales_accounts": [account],
                    "contacts": [contact, untouched], "deals": [],
                    "products": [], "notes": [], "tasks": []},
        "lacks_on_purpose": [
            "pipelines: no 'Sales'", "currencies: no EUR",
            "lead sources: no 'Trade show'", "deal types: no 'Renewal'",
            "custom fields: all but cf_source_id"],
        "next_id": ids.next}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_data.py OUTPUT_DIR")
    root = pathlib.Path(sys.argv[1])
    write_source(root / "source")
    dump(root / "tenant.json", json.dumps(tenant(), ensure_ascii=False,
                                          indent=1) + "\n")


if __name__ == "__main__":
    main()
