#!/usr/bin/env python3
"""The documentation runner is tested itself: it must see each way in which a document can be wrong."""
import os
import tempfile
import unittest

import check_commands as docs

FENCE = "`" * 3


def fenced(info, text):
    return f"{FENCE}{info}\n{text}\n{FENCE}\n"


class CommandsTest(unittest.TestCase):
    def run_text(self, text):
        blocks = [block for block in docs.blocks_of("x.md", text) if block.how == "run"]
        return [problem for _, problem in docs.run_blocks(blocks, dict(os.environ), tempfile.gettempdir())]

    def test_blocks_share_a_shell(self):
        self.assertEqual(self.run_text(fenced("sh run", "A=7") + fenced("sh run", "[ $A = 7 ]")), [None, None])

    def test_a_failing_command_fails_its_block_and_stops_the_file(self):
        problems = self.run_text(fenced("sh run", "true") + fenced("sh run", "false | true") + fenced("sh run", "true"))
        self.assertIsNone(problems[0])
        self.assertIn("failed", problems[1])
        self.assertIn("not reached", problems[2])

    def test_expected_output(self):
        said = fenced("sh run", "echo one; echo two 22 three")
        self.assertEqual(self.run_text(said + fenced("text expect", "one\ntwo … three")), [None])
        self.assertIn("no `four`", self.run_text(said + fenced("text expect", "four"))[0])
        self.assertIn("no `one`", self.run_text(said + fenced("text expect", "two\none"))[0], "the order counts")

    def test_every_block_says_how_it_is_tested(self):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "t.sh"), "w", encoding="utf-8") as file:
                file.write("  make all\n")
            for info, line, good in [
                ("sh", "make all", False), ("sh by=t.sh", "make all", True), ("sh by=t.sh", "make most", False),
                ("sh by=gone.sh", "make all", False), ('sh not-run="x"', "make all", False),
                ('sh not-run="needs a bank"', "make all", True), ("bash", "make all", False),
            ]:
                with self.subTest(info=info, line=line):
                    block = docs.blocks_of("x.md", fenced(info, line))[0]
                    self.assertEqual(docs.check_elsewhere(block, root) is None, good)

    def test_commands_that_run_tests_name_some(self):
        for line, good in [
            ("./tests/run.sh --dev shop_test", True), ("./tests/run.sh shop", True), ("./tests/run.sh --dev bank_test", False),
            ("./tests/run.sh --dev", False), ("ctest -R shop_test", False), ("./tests/run.sh shop; rm x", False),
        ]:
            with self.subTest(line=line):
                block = docs.blocks_of("x.md", fenced("sh tests", line))[0]
                self.assertEqual(docs.check_elsewhere(block, "", ["shop_test"]) is None, good)

    def test_other_languages_are_no_commands(self):
        self.assertEqual(docs.blocks_of("x.md", fenced("json", "{}") + fenced("", "x") + fenced("text", "y")), [])

    def test_lines_are_counted(self):
        self.assertEqual(docs.blocks_of("x.md", "a\n\n" + fenced("sh run", "true"))[0].line, 3)


if __name__ == "__main__":
    unittest.main()
