"""Records of the small tenant that hang on others: tasks, calls, e-mails,
meetings, letters (a kind the contract does not name), notes, parcels (a custom
object), files and events. The same on every run."""
import hashlib

CITIES = ["Lisbon", "Gdańsk", "Zürich", "São Paulo", "Osaka", "Tromsø"]


def pick(seq, *key):
    n = int(hashlib.sha256("/".join(map(str, key)).encode()).hexdigest(), 16)
    return seq[n % len(seq)]


def number(low, high, *key):
    n = int(hashlib.sha256("/".join(map(str, key)).encode()).hexdigest(), 16)
    return low + n % (high - low + 1)


def day(*key):
    return "20%02d-%02d-%02d" % (number(18, 25, "y", *key),
                                 number(1, 12, "m", *key),
                                 number(1, 28, "d", *key))


def record(kind, rid, props, owner=None, version=None, archived=False):
    created = day(kind, rid, "c") + "T09:%02d:00Z" % number(0, 59, kind, rid)
    return {"type": kind, "id": rid,
            "version": version or number(1, 30, kind, rid, "v"),
            "created_at": created,
            "updated_at": "2026-02-%02dT10:%02d:%02dZ" % (
                number(1, 28, kind, rid, "u"), number(0, 59, kind, rid, "um"),
                number(0, 59, kind, rid, "us")),
            "archived": archived,
            "archived_at": "2026-02-28T00:00:00Z" if archived else None,
            "owner_id": owner or pick(["o_1", "o_2", "o_3", "o_4"], kind, rid),
            "created_by": pick(["u_1", "u_2", "u_3"], kind, rid, "by"),
            "properties": props, "redacted": [], "corrupt": None}


def tasks():
    return [record("task", "ta_%03d" % (i + 1), {
        "subject": "Call about order %d" % i, "body": "Bring the offer.",
        "task_type": pick(["follow_up", "call"], "tt", i),
        "status": pick(["open", "completed", "deferred"], "ts", i),
        "priority": "normal",
        "due_at": None if i == 7 else day("due", i) + "T12:00:00Z",
        "completed_at": None, "reminder_at": None}) for i in range(20)]


def calls():
    return [record("call", "ca_%02d" % (i + 1), {
        "subject": "" if i == 4 else "Call %d ☎" % i,
        "body": "<p>Asked for <b>%d</b> &amp; more.</p>" % i,
        "direction": pick(["inbound", "outbound"], "cd", i),
        "started_at": day("call", i) + "T14:00:00Z",
        "ended_at": None if i == 5 else day("call", i) + "T14:%02d:00Z"
        % (i + 1),
        "duration_s": str(60 * (i + 1)),
        "outcome": pick(["connected", "left_message", "no_answer"], "co", i),
        "from_number": "+1 555 01%02d" % i, "to_number": "(212) 555-0199",
        "recording_url": None}) for i in range(10)]


def emails():
    out = [record("email", "em_%02d" % (i + 1), {
        "subject": "Offer %d" % i,
        "body": "<html><body><p>Dear all,</p><script>x()</script><p>see "
                "<a href=\"https://shop.example/%d\">here</a>.</p></body>"
                "</html>" % i,
        "body_type": "html",
        "direction": pick(["incoming", "outgoing"], "ed", i),
        "status": "sent", "sent_at": day("mail", i) + "T08:30:00+02:00",
        "from_email": "robin.keller@sales.example",
        "to_emails": ["buyer%d@mail.example" % i],
        "message_id": "<%d@sales.example>" % i, "thread_id": "th_%d" % (i % 3),
        "participants": [{"role": "to", "name": None,
                          "email": "buyer%d@mail.example" % i}]})
        for i in range(8)]
    out[3]["properties"]["body"] = "A long story. " * 2000  # above the limit
    out[3]["properties"]["body_type"] = "text"
    out[6]["properties"]["sent_at"] = None
    return out


def meetings():
    return [record("meeting", "me_%02d" % (i + 1), {
        "subject": "Review %d" % i, "body": "Agenda:\n- prices",
        "started_at": day("meet", i) + "T10:00:00Z",
        "ended_at": day("meet", i) + "T11:00:00Z", "all_day": i == 2,
        "location": pick(CITIES, "ml", i), "time_zone": "Europe/Malta",
        "outcome": pick(["held", "no_show", None], "mo", i),
        "participants": [{"role": "contact", "name": "Ada Adler",
                          "email": "ada@mail.example"}]}) for i in range(6)]


def letters():
    """An activity of a kind that nobody documented."""
    return [record("letter", "le_%d" % (i + 1), {
        "subject": "Letter %d" % i, "body": "By post.",
        "sent_at": day("letter", i) + "T07:00:00Z", "pages": str(i + 1)})
        for i in range(3)]


def notes():
    bodies = ["<p>A note.</p>", "Plain text, no tags.",
              "<p>See <img src=\"cid:fi_04\"> the logo.</p>",
              "<ul><li>one<li>two</ul>", "Ünïcode 東京 😀", "<b>unclosed",
              "   ", "Orphan"]
    return [record("note", "no_%02d" % (i + 1),
                   {"body": b, "pinned": i == 1})
            for i, b in enumerate(bodies)]


def parcels():
    return [record("co_parcel", "pa_%d" % (i + 1), {
        "parcel_no": "P-%04d" % (i + 1),
        "carrier": pick(["dhl", "ups"], "pc", i),
        "weight_kg": "%d.%03d" % (i, 125 * i), "sent_on": day("parcel", i),
        "delivered": i % 2 == 0, "flags": ["fragile"] if i == 3 else None})
        for i in range(6)]


# id, name, content or size, parents
FILES = [
    ("fi_01", "offer.txt", b"An offer.\n", [("deal", "de_001")]),
    ("fi_02", "price list.csv", b"sku,price\nA,1\n",
     [("company", "co_002"), ("contact", "ct_002")]),
    ("fi_03", "empty.txt", b"", [("contact", "ct_003")]),
    ("fi_04", "logo.gif", b"GIF89a" + bytes(range(37)), [("note", "no_03")]),
    ("fi_05", "..\\..\\réport\u202egpj.exe", b"name as data",
     [("deal", "de_005")]),
    ("fi_06", "tampered.bin", b"not these bytes", [("deal", "de_006")]),
    ("fi_07", "mail.eml", b"From: a@b.example\n\nhello\n",
     [("email", "em_02")]),
    ("fi_08", "nobody.txt", b"no parent", []),
    ("fi_09", "large.bin", 1300000, [("deal", "de_009")]),
    ("fi_10", "too large.bin", 157286401, [("deal", "de_010")]),
]


def pattern_hash(size):
    h, block = hashlib.sha256(), bytes(range(251)) * 4096
    while size > 0:
        h.update(block[:size])
        size -= min(size, len(block))
    return h.hexdigest()


def file_size(content):
    return content if isinstance(content, int) else len(content)


def file_hash(fid, content):
    if fid == "fi_06":
        return "0" * 64
    return pattern_hash(content) if isinstance(content, int) else \
        hashlib.sha256(content).hexdigest()


def attachments():
    return [dict(record("attachment", fid, {
        "file_name": name, "size": str(file_size(content)),
        "content_type": "application/octet-stream",
        "sha256": file_hash(fid, content), "status": "available",
        "parents": [{"type": t, "id": i} for t, i in parents],
        "uploaded_at": day("file", fid) + "T15:00:00Z",
        "inline": fid == "fi_04"}), owner_id=None)
        for fid, name, content, parents in FILES]


def events():
    """Three shapes in one tenant; one of a type that was never declared."""
    data = [(1, {"order": "7", "total": "12.5", "express": "false"}),
            (2, {"order": "8", "total": 12.5, "express": True}),
            (3, {"order": {"id": "9", "lines": [{"sku": "A", "n": 2}]},
                 "ship": {"city": "Osaka"}})]
    out = []
    for i in range(9):
        version, body = data[i % 3]
        out.append({
            "id": "ev_%03d" % (i + 1), "notification_type": "CUSTOM",
            "type": "order_placed" if i < 8 else "never_declared",
            "contact_id": "ct_%03d" % (i + 1) if i != 7 else "ct_none",
            "origin": "shop", "occurred_at": day("event", i) + "T16:00:00Z",
            "ingested_at": "2026-01-%02dT16:05:00Z" % (i + 1),
            "user_agent": None, "ip_address": None,
            "schema_version": version, "data": body})
    return out


EVENT_TYPES = [{"type": "order_placed", "name": "Order placed", "versions": [
    {"schema_version": 1, "shape": "flat", "fields": None},
    {"schema_version": 2, "shape": "typed", "fields": [
        {"name": "order", "type": "string"},
        {"name": "total", "type": "decimal"},
        {"name": "express", "type": "bool"}]},
    {"schema_version": 3, "shape": "nested", "fields": [
        {"name": "order", "type": "object"},
        {"name": "ship", "type": "object"}]}]}]

AUTOMATION = {
    "workflows": {"results": [{
        "id": "wf_1", "name": "Greet new customers", "status": "active",
        "object": "contact", "trigger": "lifecycle_stage becomes customer",
        "steps": [{"n": 1, "kind": "send_email", "summary": "template tp_1",
                   "config": {"template": "tp_1"}}],
        "updated_at": "2025-10-01T09:00:00Z", "enrolled": 12}]},
    "sequences": {"results": [{
        "id": "se_1", "name": "Follow up", "status": "paused",
        "object": "contact", "trigger": "enrolled by hand",
        "steps": [{"n": 1, "kind": "wait", "summary": "2 days", "config": {}},
                  {"n": 2, "kind": "task", "summary": "call", "config": {}}],
        "updated_at": "2025-11-01T09:00:00Z", "enrolled": 3}]},
    "email_templates": {"results": [{
        "id": "tp_1", "name": "Welcome", "status": "active", "object": None,
        "trigger": None, "steps": [], "updated_at": "2025-09-01T09:00:00Z",
        "enrolled": None}]}}


def hanging():
    """{pair: [(from, to, type_id, label, primary)]} of all of these."""
    out = {}

    def link(kind, rid, parent, pid, type_id):
        out.setdefault("%s_%s" % (kind, parent), []).append(
            (rid, pid, type_id, "About", "true"))

    prefix = {"deal": "de", "contact": "ct", "company": "co"}
    for i in range(20):
        kind = ("deal", "contact", "company")[i % 3]
        link("task", "ta_%03d" % (i + 1), kind,
             "%s_%03d" % (prefix[kind], i + 1), 23)
    for name, short, rows, type_id in (
            ("call", "ca_%02d", 10, 31), ("email", "em_%02d", 8, 11),
            ("meeting", "me_%02d", 6, 41), ("letter", "le_%d", 3, 61),
            ("note", "no_%02d", 8, 51)):
        for i in range(rows):
            if i == 7:
                continue  # hangs on nothing
            kind = ("contact", "deal", "company")[i % 3]
            link(name, short % (i + 1), kind,
                 "%s_%03d" % (prefix[kind], i + 2), type_id)
            if i % 4 == 1:  # on two at once
                link(name, short % (i + 1), "contact", "ct_%03d" % (i + 9),
                     type_id)
    for i in range(6):
        link("co_parcel", "pa_%d" % (i + 1), "deal", "de_%03d" % (i + 3), 201)
        if i % 2:
            link("co_parcel", "pa_%d" % (i + 1), "contact",
                 "ct_%03d" % (i + 3), 202)
    return out


ACTIVITY = [("subject", "string"), ("body", "html")]
TYPES = {
    "task": ACTIVITY + [
        ("task_type", "enum", "follow_up call email to_do"),
        ("status", "enum", "open in_progress deferred completed"),
        ("priority", "enum", "low normal high"), ("due_at", "datetime"),
        ("completed_at", "datetime"), ("reminder_at", "datetime")],
    "call": ACTIVITY + [
        ("direction", "enum", "inbound outbound"), ("started_at", "datetime"),
        ("ended_at", "datetime"), ("duration_s", "duration"),
        ("outcome", "enum", "connected left_message no_answer"),
        ("from_number", "phone"), ("to_number", "phone"),
        ("recording_url", "url")],
    "email": ACTIVITY + [
        ("body_type", "enum", "text html"),
        ("direction", "enum", "incoming outgoing forwarded"),
        ("status", "enum", "sent draft failed"), ("sent_at", "datetime"),
        ("from_email", "email"), ("to_emails", "email*"),
        ("message_id", "string"), ("thread_id", "string"),
        ("participants", "json")],
    "meeting": ACTIVITY + [
        ("started_at", "datetime"), ("ended_at", "datetime"),
        ("all_day", "bool"), ("location", "string"), ("time_zone", "string"),
        ("outcome", "enum", "held no_show rescheduled"),
        ("participants", "json")],
    "letter": ACTIVITY + [("sent_at", "datetime"), ("pages", "int")],
    "note": [("body", "html"), ("pinned", "bool")],
    "co_parcel": [("parcel_no", "string"), ("carrier", "enum", "dhl ups"),
                  ("weight_kg", "decimal"), ("sent_on", "date"),
                  ("delivered", "bool"), ("flags", "multi_enum*",
                                          "fragile upright")],
    "attachment": [("file_name", "string"), ("size", "int"),
                   ("content_type", "string"), ("sha256", "string"),
                   ("status", "enum", "available quarantined missing"),
                   ("parents", "json"), ("uploaded_at", "datetime"),
                   ("inline", "bool")],
}
