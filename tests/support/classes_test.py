#!/usr/bin/env python3
"""The table of the classes of what is set aside (lib/wire/classes.c) against
the sources: every class that any of them gives is in it with a cure, and none
that nobody gives."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "lib" / "wire" / "classes.c"
WORD = r'"([a-z_]+)"'
# How a class is given: as a member, as an argument, or by the books alone.
GIVEN = [
    r"\.class = (?:DR_STR_LIT\()?" + WORD,
    r"\bbuild_reject\(\s*b,\s*" + WORD,
    r"\bitem_refuse\(\s*l,\s*it,\s*(?:\w+ \? )?" + WORD,
    r"\bitem_refuse\(\s*l,\s*it,\s*\w+ \? \"[a-z_]+\" : " + WORD,
    r"\bkept\(\s*l,\s*it,\s*" + WORD,
    r"\btell(?:_each)?\(\s*ex,\s*o,\s*f,\s*[^;\"]*?" + WORD + r",\s*\w+,",
]
BOOKS = r"(?:THEN|ELSE) '([a-z_]+)'"  # of what the books alone say
# A call with the class in a variable is not seen above.
VARIABLE = r"\b(?:build_reject\(\s*b|item_refuse\(\s*l,\s*it),\s*([a-z]\w*),"
PASSED_ON = [("services/loader/removal.c", "class")]  # from calls of `kept`


def sources():
    for folder in ("lib", "services"):
        for path in sorted((ROOT / folder).rglob("*.c")):
            name = path.name
            if path != TABLE and not name.endswith("_test.c") and \
                    not name.startswith("oracle_"):
                yield path, path.read_text()


def given():
    """{class: where}"""
    out = {}
    for path, text in sources():
        words = [m.group(1) for pattern in GIVEN
                 for m in re.finditer(pattern, text)]
        macro = re.search(r"#define REJECT_CLASS.*?END\)", text, re.S)
        words += re.findall(BOOKS, macro.group(0)) if macro else []
        for word in words:
            out.setdefault(word, str(path.relative_to(ROOT)))
    return out


def table():
    text = re.sub(r'"\s*\n\s*"', "", TABLE.read_text())
    return dict(re.findall(r'\{"([a-z_]+)",\s*"((?:[^"\\]|\\.)*)"\}', text))


class Classes(unittest.TestCase):
    def test_each_has_a_cure(self):
        self.assertGreater(len(table()), 30)
        self.assertEqual([c for c, cure in table().items() if not cure], [])
        self.assertEqual(sorted(table()), list(table()))

    def test_commands_that_a_cure_names_are_there(self):
        verbs = set(re.findall(r'^    \{"([a-z ]+)",$', (
            ROOT / "cli" / "verbs.c").read_text(), re.M))
        self.assertIn("removals approve", verbs)
        named = re.findall(r"`drover ([a-z ]+?)(?: [A-Z-][^`]*)?`",
                           " ".join(table().values()))
        self.assertIn("removals approve", named)
        self.assertEqual([v for v in named if v not in verbs], [])

    def test_a_duplicate_may_be_of_a_record_that_is_to_go(self):
        """Deleted at the source and created again: the old one stands while
        its removal is proposed, and lies in the recycle bin afterwards."""
        cure = table()["duplicate"]
        self.assertIn("`drover removals approve --object O --ids ID`", cure)
        self.assertIn("recycle bin", cure)

    def test_each_that_is_given_is_known(self):
        self.assertEqual({c: at for c, at in given().items()
                          if c not in table()}, {})

    def test_each_that_is_known_is_given(self):
        self.assertEqual(set(table()) - set(given()), set())

    def test_no_call_has_a_class_that_is_not_seen(self):
        self.assertEqual([(str(path.relative_to(ROOT)), m.group(1))
                          for path, text in sources()
                          for m in re.finditer(VARIABLE, text)], PASSED_ON)


if __name__ == "__main__":
    unittest.main(verbosity=2)
