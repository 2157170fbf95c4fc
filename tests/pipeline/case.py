"""What the tests of whole migrations share: a broker and a Redis for a class,
and a migration that is judged."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "demo"))
from bench import Bench, ROOT  # noqa: E402
from collect import Result  # noqa: E402
from figures import over  # noqa: E402
from flow import Flow  # noqa: E402
from stack import Options, Stack  # noqa: E402
from tenant_variants import derive  # noqa: E402


class Case(unittest.TestCase):
    """Making partitions is most of what the broker does for a small
    migration: there are few, but in the classes that say so."""
    count = 0
    partitions = 2

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    @classmethod
    def variant(cls, kind):
        """The tenant file of the small account, or of it in another edition
        or on another plan."""
        path = ROOT / "tests" / "data" / "tenant.json"
        if not kind:
            return path
        tenant = derive(kind, json.loads(path.read_text()))
        path = cls.bench.folder / (kind + ".json")
        path.write_text(json.dumps(tenant))
        return path

    def stack(self, **options):
        Case.count += 1
        options.setdefault("partitions", self.partitions)
        s = Stack(self.bench, self.kafka, self.redis, "m%d" % Case.count,
                  Options(**options))
        self.addCleanup(self.leave, s)
        return s

    @staticmethod
    def leave(s):
        for p in [*s.now.values(), s.source, s.target]:
            p.kill()

    def migrate(self, **options):
        """A whole migration; its result, judged."""
        s = self.stack(**options)
        s.start()
        flow = Flow(s, limit=240)
        flow.whole()
        result = Result(flow).all()
        self.assert_right(result)
        return result

    def loaded(self, **options):
        """A migration up to the end of its full pass."""
        s = self.stack(**options)
        s.start()
        flow = Flow(s, limit=240)
        flow.audit()
        self.load(flow)
        return s, flow

    @staticmethod
    def load(flow):
        flow.plan()
        flow.approve()
        flow.sample()
        flow.sign()
        flow.run()

    def ended(self, flow, freeze=True, people=()):
        if freeze:
            flow.freeze()
        else:
            flow.frozen()
        flow.cutover()
        result = Result(flow).all()
        self.assert_right(result, people)
        return result

    def assert_right(self, result, people=()):
        self.assertEqual(result.books(), [])
        self.assertEqual(result.standing(), [])
        self.assertEqual(result.verified(), [])
        self.assertEqual(result.truth().problems(), [])
        self.assertEqual(result.links().problems(people), [])
        self.assertEqual(result.activities().problems(), [])
        self.assertEqual(result.people().problems(), [])
        self.assertEqual(over({"%s-%d" % key: kib for key, kib in
                               self.peaks(result.s).items()}), [])

    @staticmethod
    def peaks(s):
        """What each running service has taken of memory at most, in KiB."""
        return {key: p.peak() for key, p in s.now.items()}

    @staticmethod
    def states(result):
        return {(x["object"], x["id"]): (x["state"], x["type"], x["rule"])
                for x in result.lines("records.ndjson")}

    @staticmethod
    def sums(result):
        return {(o["object"], t["field"], t.get("currency")):
                (t["source"], t["target"], t["explained"])
                for o in result.json("reconciliation.json")["objects"]
                for t in o["totals"]}
