"""Every activity and note of the source, held against what the target holds of
it: subject, text, owner, times, duration, direction, outcome, status, people,
whatever else the source says of it, who wrote it and when, what it hangs on.
Drover is asked for nothing but where each record is and which values it says
are not there as they are: a difference is excused by that word alone, and only
where the target shows what the word says."""
import datetime
import html
import html.parser
import re

TYPES = {"task": {"tasks"}, "call": {"sales_activities", "call_logs"},
         "email": {"sales_activities"}, "meeting": {"appointments"},
         "note": {"notes"}}
TEXT = {"sales_activities": "notes"}  # else: description
# What has a field of its own, or a line of its own form. Else it is a line
# "Label: value" of the text.
OWN = {"task": {"subject", "body", "due_at"},
       "call": {"subject", "body", "started_at", "ended_at"},
       "email": {"subject", "body", "sent_at", "participants"},
       "meeting": {"subject", "body", "started_at", "ended_at", "all_day",
                   "location", "participants"},
       "note": {"body"}}
# Where the time, the end and the length of each kind stand at the source.
START = ["started_at", "sent_at", "occurred_at", "due_at"]
END = ["ended_at", "completed_at"]
TIMES = {"tasks": ("due_date", None), "appointments": ("from_date", "end_date"),
         "sales_activities": ("start_date", "end_date")}
# What has a field of its own there, by that field's name: so people's changes
# are named.
FIELDS = {"started_at": ("start_date", "from_date"), "sent_at": ("start_date",),
          "ended_at": ("end_date",), "due_at": ("due_date",),
          "outcome": ("sales_activity_outcome_id", "outcome_id"),
          "task_type": ("task_type_id",), "all_day": ("is_allday",)}
WAYS = {"inbound": True, "incoming": True, "outbound": False,
        "outgoing": False}
DONE = {"completed", "complete", "done", "closed"}
FARTHEST = datetime.timedelta(hours=14)
YEARS = range(1900, 2101)  # others are mistakes (mapping 7, W-DATE)
CUT = "cut to"
SENTENCE = "has been redacted"  # in place of a value, contract 5.2
SHOWN = 20


class Plain(html.parser.HTMLParser):
    """The pieces of text of a piece of HTML, in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.pieces, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("script", "style", "title")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style", "title") and self.hidden > 0

    def handle_data(self, data):
        if not self.hidden:
            self.pieces.append(data)


def pieces(text):
    """Without a tag it is no HTML: an ampersand of an address is none of a
    character's name unless that ends as one."""
    if not re.search(r"<[A-Za-z/!?]", text):
        return [re.sub(r"&#?\w+;", lambda m: html.unescape(m[0]), text)]
    p = Plain()
    p.feed(text)
    p.close()
    return p.pieces


def squeezed(text):
    """Without blanks: where lines are broken is no news."""
    return re.sub(r"\s+", "", str(text))


def instant(text):
    """Seconds, or None for what is no plain instant. Without a zone it is
    UTC; no clock on earth is more than 14 hours off."""
    try:
        at = datetime.datetime.fromisoformat(
            str(text or "").strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    if not at.tzinfo:
        at = at.replace(tzinfo=datetime.timezone.utc)
    if at.year not in YEARS or abs(at.utcoffset()) > FARTHEST:
        return None
    return int(at.timestamp() // 1)


def seconds(text):
    """"1 h 2 min 3 s"."""
    units = {"h": 3600, "min": 60, "s": 1}
    return sum(int(n) * units[u] for n, u in re.findall(
        r"(\d+) (h|min|s)\b", text))


class Activity:
    """One of the source beside one of the target."""

    def __init__(self, sides, links, line, source, have):
        self.w, self.tree, self.have = sides, links, have
        self.what = line["object"], line["id"]
        self.kind, self.type = line["object"], line["type"]
        self.source, self.p = source, dict(source["properties"])
        self.field = TEXT.get(self.type, "description")
        text = str(have.get(self.field) or "")
        # A plain text may speak of markup.
        if self.p.get("body_type") != "text" and \
                re.search(r"<br\s*/?>", text):
            text = html.unescape(re.sub(r"<[^>]*>", "", re.sub(
                r"<br\s*/?>|</p>|</div>|</li>", "\n", text)))
        self.text, self.flat = text, squeezed(text)
        self.lines = {squeezed(x) for x in text.splitlines()}
        self.wrong = []

    def told(self, field, *causes):
        return self.w.told.because(self.what, field, *causes)

    def tell(self, field, wanted, have):
        names = (field, self.field, *FIELDS.get(field, ()))
        if not self.w.told.people_changed(self.what, names):
            self.wrong.append("%s %s: %s is %s, not %s" % (
                *self.what, field, *(repr(x)[:80] for x in (have, wanted))))

    def is_so(self, field, wanted, have):
        if wanted != have:
            self.tell(field, wanted, have)

    def hidden(self):
        """What FastTrack does not show stands nowhere; what is there instead
        is no value of the record."""
        names = set(self.source["redacted"]) | {
            n for n in ("subject", "body") if self.kind == "email" and
            SENTENCE in (self.p.get(n) or "")[:500]}
        for name in names:
            word, self.p[name] = self.p.get(name), None
            if not self.told(name):
                self.tell(name, "told", "left out")
            if word and any(squeezed(word) in squeezed(v) for v in
                            self.have.values() if isinstance(v, str)):
                self.tell(name, "left out", word)

    # ---- what it is ----

    def kind_of(self):
        if self.type not in TYPES.get(self.kind, {"sales_activities"}):
            self.tell("type", self.kind, self.type)
        if self.type == "sales_activities":
            name = self.w.named("sales_activity_types",
                                self.have["sales_activity_type_id"])
            wanted = "Imported " + (self.kind if self.kind in TYPES
                                    else "activity")
            self.is_so("sales_activity_type_id", wanted, name)
            if self.kind not in TYPES and not self.told("type"):
                self.tell("type", "told", "another kind")

    def title(self):
        subject = self.p.get("subject") or ""
        if self.type == "notes":
            return
        if self.type == "call_logs":
            self.has_line("subject", "Subject: " + subject, subject)
        elif not subject.strip() and self.told("subject", "no subject"):
            self.is_so("title", "%s (no subject)" % self.kind.capitalize(),
                       self.have["title"])
        elif len(subject) > 255 and self.told("subject", CUT):
            self.is_so("title", subject[:255], self.have["title"])
        else:
            self.is_so("title", subject, self.have["title"])

    def owner(self):
        rid = self.source["owner_id"]
        self.signed("Owner in FastTrack", self.w.owners.get(rid), rid)
        if self.type == "notes":
            return
        if "owner_id" not in self.have or self.type in ("appointments",
                                                        "call_logs"):
            if rid and not self.told("owner_id"):
                self.tell("owner_id", "told", "no owner")
            return
        user = self.w.user(rid)
        if not (user is None and self.told("owner_id", "fallback owner")):
            self.is_so("owner_id", user, self.have["owner_id"])

    # ---- when ----

    def first(self, names):
        return next((n for n in names if n in self.p), names[0])

    def in_text(self, field, word):
        """A time that could not be taken stands there as it was."""
        if squeezed(word) not in self.flat:
            self.tell(field, word, "not in the text")

    def start(self, have):
        """The seconds it began at, by the source."""
        name = self.first(START)
        word = self.p.get(name)
        at = instant(word)
        if at is None:
            if not self.told(name):
                self.tell(name, word, "another, and not told")
            if word:
                self.in_text(name, word)
            at = instant(self.source["created_at"])
            if self.told(name, "a leap second or 24:00"):
                return instant(have)
        self.is_so(name, at, instant(have))
        return at

    def end(self, start, have):
        name = self.first(END)
        word = self.p.get(name)
        at, length = instant(word), str(self.p.get("duration_s") or "")
        if at is None or (start is not None and at < start):
            if self.kind != "email" and name in self.p and \
                    not self.told(name):
                self.tell(name, word, "another, and not told")
            if word:
                self.in_text(name, word)
            by = int(length) if re.fullmatch(r"\d{1,9}", length) and \
                at is None else 0
            at = start + by if start is not None else None
        self.is_so(name, at, instant(have))

    def when(self):
        if self.type == "notes":
            return
        if self.type == "call_logs":
            for label, name in (("Started", "started_at"),
                                ("Ended", "ended_at")):
                word = self.p.get(name)
                if instant(word) is not None:
                    self.at_line(name, label, word)
                elif word:
                    self.in_text(name, word)
            if not self.told("started_at"):
                self.tell("started_at", "told", "the time of writing")
            return
        begin, end = TIMES[self.type]
        start = self.start(self.have[begin])
        if end:
            self.end(start, self.have[end])

    def at_line(self, name, label, word):
        found = [x[len(label) + 1:] for x in self.lines
                 if x.startswith(label + ":")]
        if instant(word) not in [instant(x) for x in found]:
            self.tell(name, word, found)

    # ---- what became of it ----

    def status(self):
        word = (self.p.get("status") or "").strip().lower()
        if self.type == "tasks":
            self.is_so("status", int(word == "completed"),
                       self.have["status"])
            if word not in ("", "completed", "open") and \
                    not self.told("status"):
                self.tell("status", "told", word)
        elif self.type == "sales_activities" and "status" in self.p and \
                self.kind not in TYPES:
            self.is_so("status", word in DONE, bool(self.have["status"]))

    def chosen(self, name, list_, key, **of):
        """By name in a list of the target; else told, and empty."""
        word = self.p.get(name)
        if not word:
            self.is_so(name, None, self.have.get(key))
            return
        entry = self.w.entry(list_, self.w.words(self.kind, name, word), **of)
        if entry is None and not self.told(name):
            self.tell(name, "told", "no value")
        self.is_so(name, entry, self.have.get(key))

    def logged(self):
        """A call log knows two directions and whole seconds."""
        way = str(self.p.get("direction") or "").strip().lower()
        if way not in WAYS and not self.told("direction"):
            self.tell("direction", "told", way)
        self.is_so("direction", WAYS.get(way, False),
                   self.have["call_direction"])
        length = str(self.p.get("duration_s") or "").strip()
        if length and not length.isdigit() and not self.told("duration_s"):
            self.tell("duration_s", "told", length)
        have = self.have.get("call_duration")
        self.is_so("duration_s", int(length) if length.isdigit() else None,
                   None if have is None else int(have))

    def choices(self):
        if self.type == "sales_activities" and self.kind == "call":
            self.chosen("outcome", "sales_activity_outcomes",
                        "sales_activity_outcome_id", sales_activity_type_id=
                        self.have["sales_activity_type_id"])
        elif self.type == "call_logs":
            self.chosen("outcome", "sales_activity_outcomes", "outcome_id",
                        sales_activity_type_id=self.w.entry(
                            "sales_activity_types", ["phone"]))
            self.logged()
        elif self.type == "tasks":
            self.chosen("task_type", "sales_activity_entity_types",
                        "task_type_id")
        elif self.type == "appointments":
            self.is_so("all_day", bool(self.p.get("all_day")),
                       bool(self.have["is_allday"]))
            place = self.p.get("location") or ""
            if len(place) > 255 and self.told("location", CUT):
                place = place[:255]
            self.is_so("location", place, self.have["location"] or "")
            if self.p.get("time_zone") and not self.have["time_zone"] and \
                    not self.told("time_zone"):
                self.tell("time_zone", "told", "none")
            if self.p.get("outcome") and not self.told("outcome"):
                self.tell("outcome", "told", "none")

    # ---- the text ----

    def cut_below(self):
        return self.told(self.field, "cut to half")

    def has_line(self, name, line, word):
        if str(word).strip() and squeezed(line) not in self.lines and \
                squeezed(line) not in self.flat and not self.cut_below():
            self.tell(name, line, "no such line")

    def everything_else(self):
        own = OWN.get(self.kind, OWN["email"] | set(START) | set(END))
        for name, value in self.p.items():
            if value in (None, "", []) or name in own or \
                    self.w.left_out(self.kind, name):
                continue
            label = self.w.label(self.kind, name)
            if name == "duration_s":
                self.length(label, value)
                continue
            words = [self.w.word(self.kind, name, v) for v in
                     (value if isinstance(value, list) else [value])]
            self.has_line(name, "%s: %s" % (label, ", ".join(words)),
                          "".join(words))

    def length(self, label, value):
        label = squeezed(re.sub(r"[ _](\(s\)|s)$", "", label))
        found = [x for x in self.text.splitlines()
                 if squeezed(x).startswith(label + ":")]
        if str(value).isdigit():
            if int(value) not in [seconds(x) for x in found] and \
                    not self.cut_below():
                self.tell("duration_s", value, found)
        elif not any(squeezed(value) in squeezed(x) for x in found) and \
                not self.cut_below():
            self.tell("duration_s", value, found)

    def people(self):
        if "participants" not in OWN.get(self.kind, {"participants"}):
            return
        for e in self.p.get("participants") or []:
            words = [e[k] for k in ("role", "name", "email", "phone")
                     if e.get(k)] if isinstance(e, dict) else [str(e)]
            for word in words:
                if squeezed(word) not in self.flat and not self.cut_below():
                    self.tell("participants", word, "not in the text")

    def body(self):
        """Piece by piece, in the order of the source."""
        body, at = self.p.get("body") or "", 0
        plain = str(self.p.get("body_type") or "").lower() == "text"
        for piece in [body] if plain else pieces(body):
            flat = squeezed(piece)
            found = self.flat.find(flat, at)
            if found < 0:
                if not self.told("body", CUT):
                    self.tell("body", piece, "not in the text")
                return
            at = found + len(flat)

    # ---- who and when ----

    def signed(self, label, person, rid):
        """"Label: Ann North ann@north.example", or the id of whom the source
        does not list."""
        if not rid or self.cut_below():
            return
        words = [w for w in (person or {"id": rid}).values() if w]
        line = squeezed("%s: %s" % (label, " ".join(words)))
        if line not in self.lines:
            self.tell(label, line, "no such line")

    def origin(self):
        made, by = self.source["created_at"], self.source["created_by"]
        author = self.w.authors.get(by)
        if self.type == "notes":
            words = [w for w in (author or {"id": by or ""}).values() if w]
            first = "Note%s%s, %s (FastTrack)" % (
                " by " if words else "", " ".join(words), made)
            self.is_so("first line", first, self.text.splitlines()[0])
        else:
            self.signed("Author", author, by)
            self.has_line("created_at", "Created: " + made, made)
        changed = self.source["updated_at"]
        self.has_line("updated_at", "Last changed: " + changed, changed)
        if self.source["archived"]:
            self.has_line("archived", "Archived in FastTrack: " + (
                self.source["archived_at"] or "yes"), "yes")

    def links(self):
        """On the first that is there, as the source has it; the others are
        named in the text, and told."""
        if self.w.told.people_changed(self.what, ("targetables",)):
            return
        on = self.tree.on(self.have)
        for end, rid in self.tree.ends_of(*self.what):
            at = self.tree.at.get((end, rid))
            if (at and any(at[1] == i for _, i in on)) or \
                    (end, rid) in self.tree.deleted:
                continue  # or its link went with the record at its other end
            field = "%s_%s" % (self.kind, end)
            if not self.told(field):
                self.tell(field, rid, "neither linked nor told")
            elif rid not in self.text and at and not self.cut_below() and \
                    "more" not in self.text:
                self.tell(field, rid, "not in the text")

    def problems(self):
        for look in (self.hidden, self.kind_of, self.title, self.owner, self.when,
                     self.status, self.choices, self.everything_else,
                     self.people, self.body, self.origin, self.links):
            look()
        return self.wrong


class Activities:
    """records: {type: [record of the target]}; source: {object: [record]};
    lines: of records.ndjson; sides: what the sides call things, and what is
    told; links: what hangs on what."""

    def __init__(self, records, source, lines, sides, links):
        self.records = {(kind, r["id"]): r for kind, v in records.items()
                        for r in v}
        self.source, self.lines = source, lines
        self.sides, self.links, self.compared = sides, links, 0

    def everything(self):
        """What is there at the source; of kinds that the contract does not
        name those that became activities."""
        kinds = set(TYPES) | {x["object"] for x in self.lines
                              if self.links.unknown(x)}
        return {(k, r["id"]): r for k in kinds
                for r in self.source.get(k) or []}

    def problems(self):
        found = []
        by = {(x["object"], x["id"]): x for x in self.lines}
        for what, record in sorted(self.everything().items()):
            x = by.get(what) or {"state": None, "reason": None}
            have = self.records.get((x.get("type"), int(
                x.get("target_id") or 0)))
            if x["state"] == "landed" and self.sides.told.because(what, "*"):
                continue  # in an older version, with the reason why
            if x["state"] == "landed" and have:
                self.compared += 1
                found += Activity(self.sides, self.links, x, record,
                                  have).problems()
            elif x["state"] != "deleted" and not x["reason"]:
                found.append("%s %s: %s, and nobody says why" % (
                    *what, x["state"]))
        return found and ["activities: %d wrong of %d: %s%s" % (
            len(found), self.compared, "; ".join(found[:SHOWN]),
            "" if len(found) <= SHOWN else "; …")]
