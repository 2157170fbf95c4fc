"""The way of a migration, gate after gate, driven from outside."""
import sys
import time

from admin import Admin
from api import Away, Refused
from bench import Failure, wait_until
from stack import TAIL_SCALE

ROUNDS = 6
ADMIN, ENGINEER = "simulated admin", "simulated engineer"
SHUT_S = 20  # so long nothing moves before a gate or a halt counts as one
EVERY_S = 5  # at most one line of progress in so many seconds


class Say:
    """One line a phase when it begins and ends, progress now and then."""

    def __init__(self, out=sys.stdout):
        self.out, self.began = out, time.monotonic()
        self.phases, self.name, self.at = [], None, None
        self.last, self.told = 0, None

    def line(self, text):
        if self.out:
            print("%7.1f s  %s" % (time.monotonic() - self.began, text),
                  file=self.out, flush=True)

    def phase(self, name, text=""):
        self.done()
        self.name, self.at = name, time.monotonic()
        self.last = self.at
        self.line("%-10s %s" % (name, text))

    def done(self):
        if self.name:
            self.phases.append({"name": self.name, "wall_s": round(
                time.monotonic() - self.at, 3)})
        self.name = None

    def now_and_then(self, text):
        wait = EVERY_S if text != self.told else 12 * EVERY_S
        if time.monotonic() - self.last >= wait:
            self.last, self.told = time.monotonic(), text
            self.line("%-10s %s" % ("", text))


def progress(status):
    p = status["progress"]
    text = "%d of %d records" % (p["done"], p["planned"])
    if float(p["rate"] or 0) > 0:
        text += ", %s a second" % p["rate"]
    if p.get("finish_at"):
        text += ", done at %s" % p["finish_at"]
    return text


def share(done, of):
    return max(0.0, min(1.0, done / of)) if of > 0 else 0.0


class Flow:
    def __init__(self, stack, say=None, limit=600):
        self.s, self.say, self.limit = stack, say or Say(None), limit
        self.drover, self.hash = stack.drover, None
        self.admin = Admin(stack.target)
        self.answered = set()

    # ---- helpers ----

    def wait(self, what, look, shares=lambda status: {}, timeout=None):
        def tick(status):
            self.let_pass(status)
            for text in self.s.kill_due(shares(status)):
                self.say.line("%-10s %s, started again" % ("", text))
            self.say.now_and_then(progress(status))
        return self.s.wait(what, look, timeout or self.limit, tick)

    def let_pass(self, status):
        """What the extractor asks, the admin lets pass: all that is asked
        about stands in the reports."""
        for q in status["source"].get("asks") or []:
            if not q["approved"] and q["id"] not in self.answered:
                self.answered.add(q["id"])
                self.say.line("%-10s asked: %s. The admin says yes" % (
                    "", q["text"]))
                try:
                    self.verb("approve", q["id"], "--by", ADMIN)
                except Failure as e:
                    if "nothing of this name is asked" not in str(e):
                        raise
                    # One that was started again says what it asks a moment
                    # later: the next look shows it.
                    self.answered.discard(q["id"])

    def gate(self, name, what):
        """Until the gate would open. One that stays shut when all is loaded
        and judged will not open by waiting: it refuses."""
        shut = {"seen": None, "at": 0}

        def look(st):
            gate, now = st["gate"], time.monotonic()
            if gate["next"] == name and gate["ready"]:
                return True
            # Not what the books have yet to read: statuses come all the time.
            seen = (gate["why"], st["progress"]["done"], st["verified"])
            if seen != shut["seen"]:
                shut.update(seen=seen, at=now)
            elif now - shut["at"] > SHUT_S and self.lanes_done(st):
                raise Refused("%s: %s" % (name, gate["why"]))
            return False
        self.wait(what, look)

    def act(self, what, call):
        """A call that the auditor may not answer at once: a restarted one
        rebuilds its books first."""
        def go():
            self.s.check_alive()
            try:
                return [call()]
            except Away:
                return None
            except Failure:
                self.s.check_alive()  # says more, where one died
                raise
        return wait_until(lambda: "%s\n%s" % (what, self.s.tails()), go,
                          120, 0.2)[0]

    def verb(self, *words, ok=(0,)):
        return self.act("drover " + " ".join(map(str, words)),
                        lambda: self.drover.json(*words, ok=ok))

    # ---- the steps ----

    def audit(self):
        """Both CRMs are read: the source whole, the target's set-up and what
        it held before."""
        self.say.phase("audit", "reading FastTrack and Freshsales")

        def read(status):
            o = status["source"]["objects"]
            return {"extractor": share(sum(x["read"] for x in o),
                                       sum(x["expected"] for x in o))}
        self.wait("the snapshot is read", lambda st:
                  st["source"]["snapshot_complete"], read)
        self.wait("the target's set-up and records are read", lambda st:
                  st["target"]["catalog_read"] and
                  st["target"]["survey_complete"] and
                  st["books"]["lag"] == 0,
                  lambda st: {"extractor": 1.0})

    def propose(self):
        """What FastTrack has no owner for is the administrator's, by the
        admin's decision; a fallback for others only where asked for."""
        words = ["plan", "propose", "--house-owner",
                 self.admin.administrator()]
        if self.s.o.objects:
            words += ["--scope", ",".join(self.s.o.objects)]
        if self.s.o.fallback:
            words += ["--fallback-owner", self.admin.administrator()]
        words += self.s.o.words
        return self.verb(*words)

    def ready(self):
        """The checklist against the target as it is now."""
        return self.verb("ready", "--refresh", ok=(0, 5))

    def plan(self):
        """Propose, let the admin create what is missing, propose again."""
        self.say.phase("plan", "proposing")
        for turn in range(ROUNDS):
            p = self.propose()
            missing = p["checklist"]["missing"]
            self.say.line("%-10s %d items missing in Freshsales, %d problems, "
                          "%d owners without a user, %d duplicates" % (
                              "", missing, p["problems"],
                              p["owners_unmatched"], p["duplicates"]))
            if missing == 0:
                self.hash = p["hash"]
                return p
            done = self.admin.carry_out(self.ready()["items"])
            self.ready()
            self.say.line("%-10s the admin created %d of them" % ("", done))
        raise Refused("after %d rounds Freshsales still lacks %s" % (
            ROUNDS, self.lacking(self.ready())))

    @staticmethod
    def lacking(ready):
        return ", ".join("%s %s" % (i["kind"], i["name"])
                         for i in ready["items"]
                         if i["status"] == "missing")[:500]

    def approve(self):
        self.say.phase("approve", self.hash[:12])
        ready = self.ready()
        if not ready["ready"]:
            raise Refused("Freshsales lacks " + self.lacking(ready))
        problems = self.verb("plan", "check", "--hash", self.hash,
                             ok=(0, 4))["problems"]
        if problems:
            raise Refused("the plan has %d problems: %s" % (
                len(problems), "; ".join("%s %s.%s: %s" % (
                    p["code"], p["object"], p["field"], p["detail"])
                    for p in problems)[:1000]))
        self.verb("plan", "approve", self.hash, "--by", ADMIN)

    def sample(self, size=None):
        """A fifth of a small source: the full pass is to have work left."""
        if size is None:
            all_ = sum(o["extracted"] for o in self.status()["objects"])
            size = max(20, min(300, all_ // 5))
        self.say.phase("sample", "choosing %d records, sending, comparing"
                       % size)
        self.verb("sample", "start", "--size", size, "--by", ADMIN)
        self.gate("sample.sign", "the sample is judged")

    def sign(self):
        self.say.phase("sign", "the sample's differences are accepted")
        self.verb("sample", "sign", self.hash, "--by", ADMIN)

    @staticmethod
    def judged(st):
        """The books have all and know what became of it. Their own two numbers
        are some tenths of a second old, those of the objects are not."""
        return st["books"]["lag"] == 0 and st["books"]["pending"] == 0 and (
            st["scope"] != "all" or
            all(o["pending"] == 0 for o in st["objects"]))

    def lanes_done(self, st):
        return all(x["open"] and x["complete"] and x["lag"] == 0
                   for x in st["lanes"]) and self.judged(st)

    def run(self, wait=True):
        self.say.phase("run", "the whole of it")
        before = self.status()
        self.done_before = before["progress"]["done"]
        self.expected = sum(o["extracted"] - o["excluded"]
                            for o in before["objects"]
                            if o["object"] not in ("owner", "pipeline"))
        self.verb("run", "--by", ENGINEER)
        if wait:
            self.run_wait()

    def loaded(self, status):
        """How much of what the sample left the full pass has done. What it
        plans is known only when the transformer is through."""
        p = status["progress"]
        of = max(p["planned"], self.expected) - self.done_before
        return share(p["done"] - self.done_before, of)

    def run_wait(self):
        self.wait("every lane is complete and judged", lambda st:
                  st["phase"] == "run" and self.lanes_done(st),
                  lambda st: {"*": self.loaded(st)})
        self.wait("the kills that are left", lambda st: not self.s.kills,
                  lambda st: {"*": 1.0})

    def tail(self, changes=True):
        """The change script plays while the extractor tails."""
        self.say.phase("tail", "the change script plays" if changes else
                       "no changes")
        sim = self.s.source
        sim.post("/sim/clock", {"scale": TAIL_SCALE})
        if changes and sim.get("/sim/changes")["total"]:
            sim.post("/sim/changes", {"action": "start",
                                      "scale": TAIL_SCALE})
            self.wait("the change script is played", lambda st:
                      sim.get("/sim/changes")["state"] == "done")
        before = sim.get("/sim/stats")["calls"]
        rounds = 4 * len(self.status()["source"]["objects"])
        self.wait("the tail has gone on behind the last change", lambda st:
                  sim.get("/sim/stats")["calls"] > before + rounds)
        self.wait("the tail is loaded and judged", self.lanes_done)
        self.removals()

    def removals(self):
        """What is gone at the source is deleted when a person says so."""
        proposed = self.status()["removals"]["proposed"]
        if proposed == 0:
            return
        self.say.line("%-10s %d records are gone at the source: the admin "
                      "lets their deletion through" % ("", proposed))
        self.verb("removals", "approve", "--all", "--by", ADMIN)
        self.wait("the deletions are carried out", lambda st:
                  st["removals"]["approved"] == 0 and
                  st["removals"]["proposed"] == 0 and self.lanes_done(st))

    def status(self):
        return self.verb("status")

    def freeze(self):
        self.say.phase("freeze", "FastTrack is frozen; the last windows and "
                       "the sweep")
        self.verb("freeze", "--by", ENGINEER)
        self.frozen()

    def frozen(self):
        """Until nothing of the source is left to read, load or judge. The
        extractor hears of an approval some time after the status shows it."""
        since = []

        def swept(st):
            halted = st["source"]["halted"]
            if not halted or not all(
                    q["approved"] for q in st["source"]["asks"]):
                since.clear()
            elif not since:
                since.append(time.monotonic())
            elif time.monotonic() - since[0] > SHUT_S:
                raise Failure("the extractor halted: %s" % halted)
            return st["source"]["phase"] == "frozen"
        self.wait("the last window is read and the index swept", swept)
        self.wait("what came last is loaded", self.judged)
        self.removals()
        self.gate("cutover", "everything is drained and judged")

    def cutover(self):
        self.say.phase("cutover")
        self.verb("cutover", "--by", ENGINEER)

    def whole(self, changes=True):
        """All of it, from the audit to the cut-over."""
        self.audit()
        self.plan()
        self.approve()
        self.sample()
        self.sign()
        self.run()
        self.tail(changes)
        self.freeze()
        self.cutover()
