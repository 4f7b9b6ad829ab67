#!/usr/bin/env python3
"""The count of the examples is checked: a mention too many, a folder or a line too few is seen."""
import os
import tempfile
import unittest

import check_examples

GOOD = {
    "modules/LEVELS": "base 0\n",
    "tests/examples/DOMAINS": "# a comment\ndoll_houses\n",
    "tests/examples/ROLES": "doll_keeper\n",
    "tests/examples/CONNECTORS": "doll_bank\n",
    "tests/examples/REPORTS": "doll_count\n",
    "tests/examples/doll_houses/a.cc": "namespace doll_houses {}\n",
    "tests/examples/doll_keeper/a.cc": "namespace doll_keeper {}\n",
    "tests/examples/doll_bank/a.cc": "namespace doll_bank {}\n",
    "tests/examples/doll_count/a.cc": "namespace doll_count {}\n",
    "modules/base/a.cc": "int dolls;\n",
    "docs/a.md": "see doll_houses\n",
}
CASES = [
    {"modules/base/a.cc": "#include \"doll_houses/a.h\"\n"},
    {"modules/base/a.cc": "class DollHouse;\n"},
    {"tests/examples/CMakeLists.txt": "add(doll_bank)\n"},
    {"tests/examples/doll_bank/a.cc": "// as doll_keeper\n"},
    {"tests/examples/ROLES": "doll_keeper\ndoll_keeper\n"},
    {"tests/examples/ROLES": "doll_keeper\nnobody\n"},
    {"tests/examples/ROLES": "# nobody\n"},
]


def problems(changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return check_examples.problems(root)


class ExamplesTest(unittest.TestCase):
    def test_good_tree(self):
        self.assertEqual(problems({}), [])

    def test_each_mention_too_many(self):
        for change in CASES:
            with self.subTest(change=change):
                self.assertTrue(problems(change))


if __name__ == "__main__":
    unittest.main()
