#!/usr/bin/env python3
"""The checker is checked: every rule catches its violation, and the same tree put right passes."""
import os
import tempfile
import unittest

import check_house

GOOD = {
    "CMakeLists.txt": "project(kontor)\n",
    "modules/LEVELS": "# a comment\nbase 0\nmoney 1\nproto 1\nstore 2 lmdb.h\nhttp 2 boost/asio.hpp,openssl/*\n"
                      "ledger 3\npayments 4\noutbox 4\nconnectors 4\ndomains 5\nsurface 5\ndomain_routes 6\napp 7\n",
    "modules/base/README.md": "base\n",
    "modules/base/CMakeLists.txt": "kontor_module(NAME base\n    SOURCES src/clock.cc)\n",
    "modules/base/include/kontor/base/clock.h": "const Clock& system_clock();\n",
    "modules/base/src/clock.cc": "#include <chrono>\nauto now = std::chrono::system_clock::now();\n",
    "modules/store/README.md": "store\n",
    "modules/store/CMakeLists.txt": "kontor_module(NAME store SOURCES src/db.cc DEPS kontor::base LIBS lmdb)\n",
    "modules/store/include/kontor/store/db.h": "#pragma once\n// keeps rows\n",
    "modules/store/src/db.cc": '#include <lmdb.h>\n#include "kontor/store/db.h"\n#include "page.h"\n',
    "modules/store/src/page.h": "#pragma once\n",
    "modules/ledger/README.md": "ledger\n",
    "modules/ledger/CMakeLists.txt": "kontor_module(NAME ledger SOURCES src/apply.cc DEPS kontor::base kontor::store)\n",
    "modules/ledger/src/apply.cc": '#include "kontor/store/db.h"\n#include "kontor/records.pb.h"\nint one = 1;\n',
    "modules/outbox/README.md": "outbox\n",
    "modules/outbox/CMakeLists.txt": "kontor_module(NAME outbox SOURCES src/wallet.cc DEPS kontor::ledger)\n",
    "modules/outbox/src/wallet.cc": '#include "kontor/base/clock.h"\n',
    "modules/connectors/README.md": "connectors\n",
    "modules/connectors/CMakeLists.txt": "file(GLOB sources */*.cc)\nkontor_module(NAME connectors SOURCES ${sources})\n",
    "modules/connectors/connector.h": "#pragma once\n",
    "modules/connectors/all.cc": '#include "lists/connectors.h"\n',
    "modules/connectors/sandbox/sandbox.h": '#include "connectors/connector.h"\nauto token = "pm_card_visa";\n',
    "modules/domains/README.md": "domains\n",
    "modules/domains/CMakeLists.txt": "file(GLOB sources */*.cc)\nkontor_module(NAME domains SOURCES ${sources})\n",
    "modules/domains/all.cc": '#include "lists/domains.h"\n',
    "modules/domains/tills/domain.h": '#include "domains/tills/tables.h"\n',
    "modules/domains/tills/tables.h": "#pragma once\n",
    "modules/domains/tills/tills.h": "#pragma once\n",
    "modules/domains/shops/shops.cc": '#include "domains/tills/tills.h"\n',
    "modules/domains/shops/api.h": '#include "kontor/surface/route.h"\n',
    "modules/domains/shops/api_samples.cc": '#include "domains/shops/api.h"\n#include "kontor/surface/route.h"\n',
    "modules/domains/routes.cc": '#include "domains/shops/api.h"\n',
    "modules/domain_routes/README.md": "routes\n",
    "modules/domain_routes/CMakeLists.txt":
        "file(GLOB sources ../domains/*/api*.cc)\nkontor_module(NAME domain_routes SOURCES ${sources} DEPS kontor::surface)\n",
    "modules/surface/README.md": "surface\n",
    "modules/surface/CMakeLists.txt": "kontor_module(NAME surface SOURCES src/call.cc DEPS kontor::ledger)\n",
    "modules/surface/include/kontor/surface/route.h": "#pragma once\n",
    "modules/surface/src/call.cc": '#include "kontor/surface/route.h"\n',
    "tests/examples/DOMAINS": "# a comment\ntoys\n",
    "tests/examples/toys/tables.h": "#pragma once\n",
    "tests/examples/toys/api.h": '#include "kontor/surface/route.h"\n',
    "tests/examples/toys/toys.cc": '#include "domains/tills/tills.h"\n#include "examples/toys/tables.h"\n',
    "tests/examples/toys/toys_test.cc": "#include <thread>\n",
    "docs/ARCHITECTURE.md": "".join(f"| `{m}` | {n} | what |\n" for m, n in [
        ("base", 0), ("money", 1), ("proto", 1), ("store", 2), ("http", 2), ("ledger", 3), ("payments", 4),
        ("outbox", 4), ("connectors", 4), ("domains", 5), ("surface", 5), ("domain_routes", 6), ("app", 7)]),
    "app/src/main.cc": '#include "kontor/outbox/channel.h"\n#include "commands.h"\nauto t = time(nullptr);\n',
    "app/src/commands.h": "#pragma once\n",
}


def problems(changes):
    """What the checker says of the good tree with some files changed (None: removed)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            if text is None:
                continue
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full) or root, exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return check_house.Checker(root).run()


def with_line(path, line):
    return {path: GOOD[path] + line + "\n"}


SHOPS = "modules/domains/shops/shops.cc"
ROUTES = "modules/domains/shops/api_samples.cc"
CALL = "modules/surface/src/call.cc"
TOYS = "tests/examples/toys/toys.cc"
SANDBOX = "modules/connectors/sandbox/sandbox.h"
LEDGER, STORE, OUTBOX, MAIN = ("modules/ledger/src/apply.cc", "modules/store/src/db.cc",
                                 "modules/outbox/src/wallet.cc", "app/src/main.cc")

# rule, a change that breaks it, the nearest change that does not
CASES = [
    ("level", with_line(STORE, '#include "kontor/ledger/ledger.h"'), with_line(OUTBOX, '#include "kontor/ledger/ledger.h"')),
    ("level", with_line(OUTBOX, '#include "kontor/payments/machine.h"'), with_line(MAIN, '#include "kontor/payments/m.h"')),
    ("level", with_line(STORE, '#include "kontor/http/server.h"'), with_line(STORE, '// #include "kontor/http/server.h"')),
    ("level", with_line("modules/base/src/clock.cc", '#include "kontor/records.pb.h"'),
     with_line(OUTBOX, '#include "kontor/records.pb.h"')),
    ("level", {"modules/store/CMakeLists.txt": "kontor_module(NAME store SOURCES src/db.cc DEPS kontor::ledger)\n"},
     {"modules/store/CMakeLists.txt": "kontor_module(NAME store SOURCES src/db.cc DEPS kontor::money) # kontor::ledger\n"}),
    ("private", with_line(LEDGER, '#include "../../store/src/page.h"'), with_line(LEDGER, '// "../../store/src/page.h"')),
    ("private", with_line(LEDGER, '#include "page.h"'), with_line(STORE, '#include "page.h"')),
    ("private", {"app/src/node.cc": '#include "talk.h"\n', "app/cli/talk.h": "#pragma once\n"},
     {"app/cli/talk.cc": '#include "commands.h"\n'}),
    ("cmake", {"app/CMakeLists.txt": "kontor_module(NAME other SOURCES src/main.cc)\n"},
     {"app/CMakeLists.txt": "kontor_module(NAME cli SOURCES src/main.cc)\n"}),
    ("owner", with_line(LEDGER, "#include <lmdb.h>"), with_line(STORE, "#include <lmdb.h>")),
    ("owner", with_line("modules/store/include/kontor/store/db.h", "#include <lmdb.h>"),
     with_line("modules/store/src/page.h", "#include <lmdb.h>")),
    ("owner", {"modules/store/include/kontor/store/raw.h": "#include <lmdb.h>\n",
               **with_line("modules/store/include/kontor/store/db.h", '#include "kontor/store/raw.h"')},
     {"modules/store/include/kontor/store/raw.h": "#include <lmdb.h>\n", **with_line(STORE, '#include "kontor/store/raw.h"')}),
    ("owner", with_line(MAIN, "#include <boost/asio/ip/tcp.hpp>"), with_line(MAIN, "#include <boost/url.hpp>")),
    ("owner", with_line(OUTBOX, "#include <openssl/ssl.h>"), with_line(OUTBOX, "/* #include <openssl/ssl.h> */")),
    ("levels-file", with_line("modules/LEVELS", "base 0"), with_line("modules/LEVELS", "# base 0")),
    ("levels-file", with_line("modules/LEVELS", "extra three"), with_line("modules/LEVELS", "# extra three")),
    ("levels-file", {"modules/shadow/README.md": "x\n"}, {"modules/money/README.md": "x\n"}),
    ("levels-file", with_line(OUTBOX, '#include "kontor/nowhere/x.h"'), with_line(OUTBOX, '#include "kontor/money/x.h"')),
    ("channel", with_line(SHOPS, 'if (account.connector() == "sandbox") pay();'), with_line(MAIN, 'auto x = "sandbox";')),
    ("channel", with_line(ROUTES, "// pm_card_visa succeeds"), with_line(SANDBOX, 'auto other = "pm_card_amex";')),
    ("channel", with_line(SHOPS, 'if (method.type() == "card") pay();'), with_line(SHOPS, "if (charge.account_no() != 0) pay(); // card")),
    ("channel", {"modules/connectors/bank/bank.h": '#include "connectors/sandbox/sandbox.h"\n'},
     {"modules/connectors/bank/bank.h": '#include "connectors/connector.h"\n'}),
    ("channel", with_line(ROUTES, '#include "connectors/sandbox/sandbox.h"'), with_line(MAIN, '#include "connectors/sandbox/sandbox.h"')),
    ("level", with_line(LEDGER, '#include "connectors/connector.h"'), with_line(ROUTES, '#include "connectors/connector.h"')),
    ("private", with_line(ROUTES, '#include "connectors/nobody.h"'), with_line(MAIN, '#include "connectors/connector.h"')),
    ("deterministic", with_line(SANDBOX, "int x = rand();"), with_line(OUTBOX, "int x = rand();")),
    ("domain", with_line(SHOPS, '#include "domains/tills/tables.h"'), with_line(SHOPS, '// "domains/tills/tables.h"')),
    ("domain", with_line(MAIN, '#include "domains/tills/domain.h"'), with_line(MAIN, '#include "domains/tills/tills.h"')),
    ("level", with_line(LEDGER, '#include "domains/tills/tills.h"'), with_line(MAIN, '#include "domains/tills/tills.h"')),
    ("level", with_line(SHOPS, '#include "kontor/surface/route.h"'), with_line(MAIN, '#include "kontor/surface/route.h"')),
    ("level", with_line(SHOPS, '#include "domains/shops/api.h"'), with_line(ROUTES, '#include "domains/tills/tills.h"')),
    ("level", with_line(CALL, '#include "domains/tills/tills.h"'), with_line(ROUTES, '#include "kontor/surface/route.h"')),
    ("domain", with_line(ROUTES, '#include "domains/tills/tables.h"'), with_line(ROUTES, '#include <thread>')),
    ("deterministic", with_line(SHOPS, '#include <thread>'), with_line(ROUTES, 'std::mutex one;')),
    ("private", with_line(MAIN, '#include "domains/tills/nothing.h"'), with_line(MAIN, '#include "domains/tills/tills.h"')),
    ("domain", with_line(SHOPS, '#include "lists/domains.h"'), with_line("modules/domains/all.cc", '#include "lists/domains.h"')),
    ("domain", with_line(TOYS, '#include "domains/tills/tables.h"'), with_line(TOYS, '#include "examples/toys/toys.pb.h"')),
    ("domain", with_line(TOYS, '#include "examples/dolls/dolls.h"'), with_line("tests/examples/toys/toys_test.cc", '#include "x.h"')),
    ("private", with_line(TOYS, '#include "examples/toys/nothing.h"'), with_line(TOYS, '// "examples/toys/nothing.h"')),
    ("level", with_line(TOYS, '#include "examples/toys/api.h"'), with_line("tests/examples/toys/api.h", "std::mutex one;")),
    ("deterministic", with_line(TOYS, "#include <thread>"), with_line("tests/examples/toys/toys_test.cc", "#include <mutex>")),
    ("cmake", {"modules/store/src/forgotten.cc": "\n"}, {"modules/store/src/page2.h": "\n"}),
    ("cmake", with_line("modules/store/CMakeLists.txt", "file(GLOB sources src/*.cc)"),
     with_line("modules/store/CMakeLists.txt", "# file(GLOB sources src/*.cc)")),
    ("cmake", {"modules/store/CMakeLists.txt": "kontor_module(NAME shop SOURCES src/db.cc)\n"}, {}),
    ("clock", with_line(OUTBOX, "auto t = std::chrono::system_clock::now();"),
     with_line(OUTBOX, "auto t = clock.monotonic_ms(); // not system_clock")),
    ("clock", with_line(OUTBOX, "auto t = ::time(nullptr);"), with_line(OUTBOX, "auto t = span.time(3) + run_time(4);")),
    ("clock", with_line(STORE, "gettimeofday(&tv, nullptr);"), with_line(STORE, 'say("gettimeofday(");')),
    ("deterministic", with_line(LEDGER, "int x = rand();"), with_line(OUTBOX, "int x = rand();")),
    ("deterministic", with_line(LEDGER, "#include <random>"), with_line(OUTBOX, "#include <random>")),
    ("deterministic", with_line(LEDGER, '#include "kontor/base/log.h"'), with_line(OUTBOX, '#include "kontor/base/log.h"')),
    ("deterministic", with_line(LEDGER, 'auto v = getenv("HOME");'), with_line(LEDGER, "int getenvelope = 1;")),
    ("wall", with_line(OUTBOX, "auto t = clock.wall_ms();"),
     with_line(OUTBOX, "auto t = clock.wall_ms();  // house: wall: people read it")),
    ("deterministic", with_line(LEDGER, "std::chrono::steady_clock::now();"), with_line(STORE, "steady_clock::now();")),
    ("unordered", with_line(LEDGER, "std::unordered_map<int, int> m;"),
     with_line(LEDGER, "std::unordered_map<int, int> m;  // lookup only")),
    ("unordered", with_line(LEDGER, "boost::unordered_flat_set<int> m;"), with_line(STORE, "boost::unordered_flat_set<int> m;")),
    ("float", with_line(LEDGER, "double d = 0;"), with_line(LEDGER, "int doubled = 0; // not a double")),
    ("text", with_line(OUTBOX, 'if (error.message.find("not trusted") != npos) end();'),
     with_line(OUTBOX, "if (error.code == ErrorCode::permission_denied) end();")),
    ("text", with_line(MAIN, 'if (link.last_error.find(me + verdict) != npos) end();'),
     with_line(MAIN, "if (link.last_verdict == verdict::removed) end();")),
    ("text", with_line(STORE, 'if (answer->body.find("in_use") != npos) wait();'),
     with_line(STORE, "const auto field = call.body.find(name);")),
    ("text", with_line(STORE, 'if (event.previous_attributes_json().starts_with("{")) count();'),
     with_line(STORE, "if (text.starts_with(prefix)) count();")),
    ("text", with_line(MAIN, 'if (why.message == "gone") end();'), with_line(MAIN, 'if (why.message == "") say(); // == "gone"')),
    ("text", with_line(LEDGER, 'if (failure.describe().starts_with("io")) end();'),
     with_line(LEDGER, 'say("message.find(x)"); // message.find("x")')),
    ("text", with_line(OUTBOX, 'if (route.operation.starts_with("list_")) share();'),
     with_line(OUTBOX, "if (route.shape == Shape::list) share();")),
    ("text", {"modules/http/README.md": "http\n", "modules/http/src/a.cc": 'bool l = request.path.ends_with("s");\n'},
     {"modules/http/README.md": "http\n", "modules/http/src/a.cc": "auto b = encode(request.path);\n"}),
    ("text", with_line(MAIN, 'found = error.message.rfind("x", 0) == 0;  // house: text:'),
     with_line(MAIN, 'found = error.message.rfind("x", 0) == 0;  // house: text: another program\'s words')),
    ("architecture", with_line("modules/LEVELS", "extra 3"), {**with_line("modules/LEVELS", "extra 3"),
     **with_line("docs/ARCHITECTURE.md", "| `extra` | 3 | more |")}),
    ("architecture", {"docs/ARCHITECTURE.md": GOOD["docs/ARCHITECTURE.md"].replace("| 3 |", "| 2 |")},
     with_line("docs/ARCHITECTURE.md", "| `Store::open` | 9 |")),
    ("architecture", {"docs/ARCHITECTURE.md": None}, {}),
    ("folders", {"scripts/x.sh": "\n"}, {"tests/x.sh": "\n"}),
    ("folders", {"notes.md": "\n"}, {"CHANGELOG.md": "\n"}),
    ("readme", {"modules/store/README.md": None}, {}),
    ("seed", {"tests/a.cc": "std::random_device device;\n"}, {"tests/a.cc": "std::mt19937_64 random(7);\n"}),
    ("seed", {"tests/a.py": "import random\nx = random.choice([1, 2])\n"}, {"tests/a.py": "x = self.random.choice([1, 2])\n"}),
    ("seed", {"tests/a.py": "x = random.Random()\n"}, {"tests/a.py": "x = random.Random(seed())\n"}),
    ("seed", {"tests/a.mjs": "const x = Math.random();\n"}, {"web/a.mjs": "const x = Math.random();\n"}),
    ("document", with_line(LEDGER, "// see docs/" + "gone.md"), with_line(LEDGER, "// see docs/ARCHITECTURE.md")),
    ("document", with_line(LEDGER, "// as in DESIGN" + " 7"), with_line(LEDGER, "// a design of 7 pages")),
    ("hosts", {"docs/a.md": "see deb." + "debian.org\n"}, {"docs/a.md": "see Debian's packages\n"}),
    ("hosts", {"web/package-lock.json": '"resolved": "https://registry.' + 'npmjs.org/x"\n'}, {"web/package-lock.json": "{}\n"}),
    ("document", with_line(LEDGER, "// see docs/" + "gone.md"), with_line(LEDGER, "// see docs/ARCHITECTURE.md")),
    ("document", with_line(LEDGER, "// as in DESIGN" + " 7"), with_line(LEDGER, "// a design of 7 pages")),
    ("hosts", {"docs/a.md": "in " + "/work/" + "main\n"}, {"docs/a.md": "in net/work/main and ./home/x\n"}),
    ("length", {STORE: GOOD[STORE] + "\n" * 500}, {STORE: GOOD[STORE] + "\n" * 497}),
    ("length", {"tests/a_test.py": "\n" * 501}, {"tests/a_test.py": "\n" * 500}),
    ("length", {"tests/web/a.mjs": "\n" * 501}, {"tests/data/a.mjs": "\n" * 501}),
    ("length", {"tests/unit/store/a_test.cc": "\n" * 501}, {"tests/unit/store/a_test.cc": "\n" * 500}),
    ("level", with_line(STORE, '#include "kontor/ledger/a.h"  // house: level:'),
     with_line(STORE, '#include "kontor/ledger/a.h"  // house: level: a reason why')),
]


class HouseTest(unittest.TestCase):
    def test_good_tree(self):
        self.assertEqual(problems({}), [])

    def test_every_rule_both_ways(self):
        for number, (rule, bad, good) in enumerate(CASES):
            with self.subTest(rule=rule, case=number, bad=bad):
                found = problems(bad)
                self.assertTrue(found, "the violation was not seen")
                self.assertEqual({problem.split(": ")[1] for problem in found}, {rule}, found)
                self.assertEqual(problems(good), [])

    def test_no_rule_without_a_case(self):
        self.assertEqual({case[0] for case in CASES}, set(check_house.RULES))

    def test_problem_names_file_and_line(self):
        found = problems(with_line(LEDGER, "int x = rand();"))
        self.assertEqual(found, ["modules/ledger/src/apply.cc:4: deterministic: 'rand(' has no place in ledger"])

    def test_comments_and_strings_do_not_count(self):
        text = 'a /* rand( \n rand( */ b "rand(" R"x(rand(\n)x" 1\'000 c // rand('
        stripped = check_house.strip(text)
        self.assertNotIn("rand", stripped)
        self.assertEqual(text.count("\n"), stripped.count("\n"))
        for word in "abc":
            self.assertIn(word, stripped)


if __name__ == "__main__":
    unittest.main()
