#!/usr/bin/env python3
"""A feature is one folder and one line: counted on the examples, which are in tests/examples.

    check_examples.py [ROOT]   prints `path:line: what` for each mention too many, and exits 1

Each example stands in the list of its kind. Outside of its folder its name, in any spelling, stands in that line and nowhere
else; documents may speak of it.
"""
import os
import re
import sys

import check_house

EXAMPLES = "tests/examples"


def spellings(name):
    """toy_cards: toy_cards, toy_card, ToyCards, toycard, …"""
    return re.compile(re.sub("s$", "s?", name).replace("_", "[_ -]?"), re.IGNORECASE)


def problems(root):
    checker = check_house.Checker(root)
    found = []
    for kind in sorted(check_house.EXAMPLES):
        path = f"{EXAMPLES}/{kind}"
        names = [line.split("#")[0].strip() for line in checker.read(path).splitlines()] if path in checker.files else []
        names = [name for name in names if name]
        if not names:
            found.append(f"{path}:1: this kind has no example")
        for name in names:
            found += mentions(checker, path, name)
    return found


def mentions(checker, in_list, name):
    folder = f"{EXAMPLES}/{name}/"
    found, lines, pattern = [], 0, spellings(name)
    if not any(path.startswith(folder) for path in checker.files):
        found.append(f"{in_list}:1: {name} has no folder")
    for path in checker.files:
        if path.startswith(folder) or path.endswith(".md"):
            continue
        for number, line in enumerate(checker.read(path).splitlines(), 1):
            if not pattern.search(line):
                continue
            lines += 1
            if path != in_list or lines > 1:
                found.append(f"{path}:{number}: {name} is named outside of its folder and its line")
    return found


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = problems(root)
    for problem in found:
        print(problem)
    print(f"{len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
