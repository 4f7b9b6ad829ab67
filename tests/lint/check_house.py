#!/usr/bin/env python3
"""Holds the rules of the house: who may include whom, and what deterministic code may touch.

    check_house.py [ROOT]        checks a tree; prints `path:line: rule: what` and exits 1 when a rule is broken
    check_house.py --list-rules  one line for each rule, with its reason

Only tracked files count when ROOT is a git work tree, so that scratch files disturb nobody.
A line can be excused by a comment `// house: RULE: reason`; the reason must be there.
"""
import fnmatch
import os
import re
import subprocess
import sys

RULES = {
    "level": "a module sees only modules of lower levels; siblings never see each other (modules/LEVELS)",
    "private": "headers in another module's src/ are nobody's business; include the public header",
    "owner": "a third-party header with owners in modules/LEVELS stays with them, behind their wrappers: in src/, and in "
             "public headers that nobody but owners includes",
    "levels-file": "modules/LEVELS names every module, once, and headers and folders agree with it",
    "domain": "a domain's tables, commands and records are its own; others see its queries, ids, limits and outcomes",
    "channel": "no rule, API, report or worker names a channel or a method: connectors and method records do",
    "cmake": "targets link along the same edges; sources are listed one by one",
    "clock": "below app/ time is injected (kontor::Clock), or nothing can be simulated",
    "wall": "where due times are read, the wall clock is not: Service::machine_now_ms(); say what else it is for",
    "deterministic": "apply() is a pure function of the log: no clock, randomness, environment, threads, locale, logging",
    "unordered": "iteration order of hash tables differs between nodes; write `// lookup only` where nothing iterates",
    "float": "money is integer arithmetic; floating point rounds, and differently on different machines",
    "architecture": "the table in docs/ARCHITECTURE.md names the modules and levels of modules/LEVELS",
    "folders": "the top of the tree stays as small as it is",
    "readme": "every module says in one page what it is for",
    "seed": "a test that fails must fail again: random choices come from KONTOR_SEED and KONTOR_FIRST_SEED (tests/support)",
    "text": "text is for people: decisions go by codes, statuses and records, never by the words of a message",
    "hosts": "mirrors and registries come from the machine's configuration; no host or machine path is written down",
    "document": "a document that code or docs name is in the repository",
    "length": "a file of more than 500 lines is two concepts",
}

# The commands stand on the composition root, the load generator on both.
APP_SEES = {"app": ["app/bench", "app/cli", "app/src"], "app/src": ["app/src"], "app/cli": ["app/cli", "app/src"],
            "app/bench": ["app/bench", "app/cli", "app/src"]}
# Modules of several libraries.
LIBRARIES = {"app": {"app", "cli", "bench"}, "http": {"http", "load_client"}}
TOP_FOLDERS = {"app", "modules", "web", "config", "tests", "installer", "docs", ".ci"}
TOP_FILES = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "CHANGELOG.md",
    ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", ".gitattributes",
}
DETERMINISTIC = ("ledger", "machine", "domains", "connectors")  # connectors: values in, values out
INTEGER_ONLY = ("money", "ledger", "machine", "domains")
WALL_CAREFUL = ("node", "inbox", "outbox", "surface", "domain_routes", "admin", "api")
CLOCK_HOMES = ("modules/base/include/kontor/base/clock.h", "modules/base/src/clock.cc", "modules/base/src/log.cc")
MAX_LINES = 500
SOURCE_ENDINGS = (".cc", ".h", ".c", ".cpp", ".hpp")
MEASURED = (*SOURCE_ENDINGS, ".py", ".mjs")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# What a domain shows to nobody: its tables, its commands, its records (the lists alone see these).
DOMAIN_HEADER = re.compile(r"domains/([a-z_0-9]+)/([a-z_0-9]+)[.]h$")
DOMAIN_OWN = ("tables", "commands", "domain", "invariants")
# A domain's routes stand in its folder, and count as the module domain_routes: they alone see surface and the network.
DOMAIN_ROUTES = re.compile(r"modules/domains/(?:routes|[a-z_0-9]+/(?:api|admin)[a-z_0-9]*)[.](?:cc|h)$")
GLOBBED = ("domains", "domain_routes", "proto", "reports", "connectors")  # a folder or file is all that a new one takes
# Made of the lists by kontor_lists() (modules/kontor_module.cmake), each for one file.
LISTS = {"lists/domains.h": "modules/domains/all.cc", "lists/roles.h": "modules/domains/roles.cc",
         "lists/routes.h": "modules/domains/routes.cc", "lists/connectors.h": "modules/connectors/all.cc",
         "lists/reports.h": "modules/reports/all.cc"}
# The examples keep the rules of what they are examples of.
EXAMPLES = {"DOMAINS": "domains", "ROLES": "domains", "CONNECTORS": "connectors", "REPORTS": "reports"}
EXAMPLE = re.compile(r"tests/examples/([a-z_0-9]+)/([a-z_0-9]+)[.](?:cc|h)$")
KONTOR_HEADER = re.compile(r"kontor/([a-z_0-9]+)/")

# Calls to the C library's clock and generator, not methods or our own functions that end in the same letters.
BARE = r"(?<![\w.>:])(?:::|std::)?"
CLOCK = re.compile(r"\bsystem_clock\b|" + BARE + r"(?:time|gettimeofday|clock_gettime|timespec_get)\s*\(")
NOT_DETERMINISTIC = re.compile(
    r"\b(?:system_clock|steady_clock|high_resolution_clock|random_device|mt19937(?:_64)?|getenv|setlocale|KONTOR_LOG\w*)\b"
    r"|\bstd::(?:locale|thread|jthread|mutex|atomic|async|this_thread|hash)\b"
    r"|" + BARE + r"(?:time|gettimeofday|clock_gettime|rand|srand|random|getrandom|drand48|localtime|gmtime)\s*\(")
NOT_DETERMINISTIC_HEADERS = {
    "random", "thread", "mutex", "shared_mutex", "atomic", "future", "chrono", "ctime", "time.h", "locale", "clocale",
    "sys/time.h", "kontor/base/clock.h", "kontor/base/log.h", "fstream", "filesystem", "iostream",
}
# A test's choices that nobody can repeat.
UNSEEDED = re.compile(r"\brandom_device\b|\bSystemRandom\b|\brandom\.Random\(\s*\)|\bMath\.random\b"
                      r"|(?<![.\w])random\.(?:random|randrange|randint|choice|choices|shuffle|sample|uniform|randbytes|seed)\(")
UNORDERED = re.compile(r"\bunordered_(?:flat_|node_)?(?:multi)?(?:map|set)\b")
# Searching what was written for people, or rendered: error texts, reasons, bodies, stored JSON. A char, and a name in
# a parsed object (`body.find(name)`), are no words.
SEARCHED = re.compile(
    r"\b(?:\w*message\w*|\w*reason\w*|last_error|describe\(\)|failure\(\)|what\(\)|problem|static_body|body|\w+_json)(?:\(\))?"
    r"\s*(?:\.|->)\s*(?:find|rfind|starts_with|ends_with|compare)\s*\((?!'|\w+\))")
SAME_WORDS = re.compile(r"\b(?:\w*message|reason|last_error|describe\(\)|failure\(\)|what\(\))\s*[=!]=\s*\"[^\"]")
# What a request does is a column of its route, not its spelling.
ROUTE_GUESS = re.compile(r"\boperation\s*\.\s*(?:find|starts_with|ends_with)\s*\(")
PATH_GUESS = re.compile(r"\b(?:request|head)(?:\.|->)path\s*(?:\.\s*\w+\s*\(|[=!]=)|\bpath\s*\.\s*ends_with\s*\(")
KNOWS_NO_PATHS = ("transport", "http", "peer", "cluster", "replication", "node")
# A test token stands in its connector's table alone; a method's word in its record.
CHANNEL_NAMES = re.compile(r"sandbox|METHOD_CARD|METHOD_WALLET|\bpm_card|\btok_[a-z]", re.IGNORECASE)
METHOD_RECORDS = ("modules/domains/payments/methods.h", "modules/domains/payments/json_method.cc")
METHOD_WORDS = re.compile(r'"(?:card|wallet)"')
FLOAT = re.compile(r"\b(?:float|double)\b")
# Spelled so that this file does not break its own rule.
HOSTS = re.compile(
    r"registry[.]npm|[.]npmj[s][.]|registry[.]yarn|\b(?:deb|ftp|snapshot|security|cdn-fastly)[.]debia[n][.]org"
    r"|\bpyp[i][.]org|pythonhoste[d]|\bcrate[s][.]io\b|deb[.]nodesourc[e]|nodej[s][.]org/dist|docker[.]i[o]\b"
    r"|(?<![\w.])/(?:work|root|home/[a-z]\w*|tmp/[bw])/\w", re.IGNORECASE)
# A page of docs/, by its path from the top; or a document of nobody but its authors.
DOCUMENT = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.md)\b")
PRIVATE_DOCUMENT = re.compile(r"\b(?:DESIGN|HOUSE|STYLE)(?:\.md\b| \d)")
EXCUSE = re.compile(r"//\s*house:\s*([a-z-]+):\s*\S")


class Checker:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.problems = []
        self.files = self.list_files()
        self.levels, self.owners = {}, {}
        self.brought = {}
        self.examples = self.list_examples()

    def list_files(self):
        if os.path.exists(os.path.join(self.root, ".git")):
            out = subprocess.run(["git", "-C", self.root, "ls-files", "-z"], check=True, capture_output=True).stdout
            names = [name for name in out.decode().split("\0") if name]
            return sorted(name for name in names if os.path.isfile(os.path.join(self.root, name)))
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in ("build", "node_modules", ".git", "dist")]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return sorted(found)

    def list_examples(self):
        """Which module each folder of tests/examples is an example of."""
        kinds = {}
        for name, module in EXAMPLES.items():
            path = f"tests/examples/{name}"
            for line in self.read(path).splitlines() if path in self.files else []:
                kinds[line.split("#")[0].strip()] = module
        return kinds

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def report(self, path, line, rule, text):
        self.problems.append(f"{path}:{line}: {rule}: {text}")

    # ---- modules/LEVELS ----------------------------------------------------------------------------------------------
    def read_levels(self):
        path = "modules/LEVELS"
        if path not in self.files:
            self.report(path, 1, "levels-file", "is missing")
            return
        for number, line in enumerate(self.read(path).splitlines(), 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) not in (2, 3) or not words[1].isdigit():
                self.report(path, number, "levels-file", f"not 'module level [headers]': {line.strip()}")
                continue
            if words[0] in self.levels:
                self.report(path, number, "levels-file", f"{words[0]} is named twice")
            self.levels[words[0]] = int(words[1])
            for header in words[2].split(",") if len(words) == 3 else []:
                self.owners.setdefault(header, set()).add(words[0])
        for folder in sorted({p.split("/")[1] for p in self.files if p.startswith("modules/") and p.count("/") > 1}):
            if folder not in self.levels:
                self.report(f"modules/{folder}", 1, "levels-file", "this module has no line in modules/LEVELS")

    def owners_of(self, header):
        """The modules that may include a header, or None when anybody may."""
        allowed = None
        for pattern, modules in self.owners.items():
            # `boost/asio.hpp` stands for the whole library: boost/asio/…
            whole = pattern[: -len(".hpp")] + "/*" if pattern.endswith(".hpp") else pattern
            if header == pattern or fnmatch.fnmatchcase(header, whole):
                allowed = (allowed or set()) | modules
        return allowed

    def brings(self, header):
        """The third-party headers with owners that a public header includes, also through others."""
        if header not in self.brought:
            self.brought[header] = found = set()
            path = f"modules/{header.split('/')[1]}/include/{header}"
            text = self.read(path) if path in self.files else ""
            for match in filter(None, map(INCLUDE.match, text.splitlines())):
                included = match.group(2)
                if included.startswith("kontor/"):
                    found |= self.brings(included)
                elif self.owners_of(included) is not None:
                    found.add(included)
        return self.brought[header]

    # ---- C and C++ files ---------------------------------------------------------------------------------------------
    def module_of(self, path):
        parts = path.split("/")
        example = EXAMPLE.match(path)
        if example and not example.group(2).endswith("_test"):
            module = self.examples.get(example.group(1))
            is_route = module == "domains" and re.match(r"(?:api|admin)", example.group(2))
            return "domain_routes" if is_route else module
        if parts[0] == "app":
            return "app"
        if DOMAIN_ROUTES.match(path):
            return "domain_routes"
        return parts[1] if parts[0] == "modules" and len(parts) > 2 else None

    def check_length(self, path):
        lines = len(self.read(path).splitlines())
        if lines > MAX_LINES:
            self.report(path, MAX_LINES + 1, "length", f"{lines} lines, at most {MAX_LINES}")

    def check_source(self, path):
        module = self.module_of(path)
        text = self.read(path)
        raw, code = text.splitlines(), strip(text).splitlines()
        for number, (line, bare) in enumerate(zip(raw, code), 1):
            excuse = EXCUSE.search(line)
            excused = excuse.group(1) if excuse else None
            include = INCLUDE.match(line) if bare.strip() else None
            found = list(self.check_include(path, module, *include.groups())) if include else []
            found += self.check_line(path, module, bare, line)
            for rule, what in found:
                if rule != excused:
                    self.report(path, number, rule, what)

    def check_include(self, path, module, quote, header):
        private = path.startswith(f"modules/{module}/src/") or module == "app"
        if header.startswith("kontor/"):
            match = KONTOR_HEADER.match(header)
            target = match.group(1) if match else "proto"  # kontor/*.pb.h is generated by the module proto
            if target not in self.levels:
                yield "levels-file", f"{header} belongs to no module of modules/LEVELS"
            elif target != module and self.levels[target] >= self.levels.get(module, 0):
                yield "level", (f"{module} (level {self.levels.get(module)}) must not see "
                                f"{target} (level {self.levels[target]})")
            for brought in sorted(self.brings(header)) if match else []:
                if module not in self.owners_of(brought):
                    yield "owner", f"{header} brings {brought}, which is not {module}'s"
        elif header in LISTS:
            if path != LISTS[header]:
                yield "domain", f"{header} is for {LISTS[header]} alone"
        elif header.startswith("examples/"):
            yield from self.check_example_include(path, module, header)
        elif header.startswith("domains/"):
            yield from self.check_domain_include(path, module, header)
        elif header.startswith("reports/"):
            yield from self.check_report_include(path, module, header)
        elif header.startswith("connectors/"):
            yield from self.check_connector_include(path, module, header)
        elif "modules/" in header or "/src/" in header or (header.startswith("..") and not private):
            yield "private", f"{header} reaches into a module's folder"
        elif quote == '"' and not self.private_header_exists(path, header):
            yield "private", f"{header} is not a header of this module"
        allowed = self.owners_of(header)
        public = path.startswith(f"modules/{module}/include/")  # its includers are asked, too
        if allowed is not None and (module not in allowed or not (private or public)):
            where = " and ".join(f"modules/{name}" for name in sorted(allowed))
            yield "owner", f"{header} may be included only in {where}"
        if module in DETERMINISTIC and header in NOT_DETERMINISTIC_HEADERS:
            yield "deterministic", f"{header} has no place in {module}"

    def check_domain_include(self, path, module, header):
        match = DOMAIN_HEADER.match(header)
        target = self.module_of("modules/" + header)
        if not os.path.isfile(os.path.join(self.root, "modules", header)):
            yield "private", f"{header} is no header of a domain"
        elif module != target and self.levels.get(target, 99) >= self.levels.get(module, 0):
            yield "level", f"{module} (level {self.levels.get(module)}) must not see {target}"
        elif match and match.group(2) in DOMAIN_OWN and not path.startswith(f"modules/domains/{match.group(1)}/"):
            yield "domain", f"{header} is that domain's own"

    def check_example_include(self, path, module, header):
        """An example sees itself; who may see its routes is as in modules/domains."""
        target = self.module_of("tests/" + header)
        if os.path.dirname("tests/" + header) != os.path.dirname(path):
            yield "domain", f"{header} is that example's own"
        elif not header.endswith(".pb.h") and not os.path.isfile(os.path.join(self.root, "tests", header)):
            yield "private", f"{header} is no header of an example"
        elif target not in (None, module) and self.levels.get(target, 99) >= self.levels.get(module, 0):
            yield "level", f"{module} (level {self.levels.get(module)}) must not see {target}"

    def check_connector_include(self, path, module, header):
        """Connectors see no other connector; the rest sees the port and the list, and app the sandbox."""
        own = os.path.dirname(path) == f"modules/{os.path.dirname(header)}"
        if not os.path.isfile(os.path.join(self.root, "modules", header)):
            yield "private", f"{header} is no header of a connector"
        elif module != "connectors" and self.levels.get("connectors", 99) >= self.levels.get(module, 0):
            yield "level", f"{module} (level {self.levels.get(module)}) must not see the connectors"
        elif header.count("/") > 1 and not own and module != "app":
            yield "channel", f"{header} is that connector's own"

    def check_report_include(self, path, module, header):
        """Reports see no other report; who shows one sees its queries, in the header that has the folder's name."""
        folder = header.split("/")[1]
        own = path.startswith(f"modules/reports/{folder}/")
        if not os.path.isfile(os.path.join(self.root, "modules", header)):
            yield "private", f"{header} is no header of a report"
        elif module != "reports" and self.levels.get("reports", 99) >= self.levels.get(module, 0):
            yield "level", f"{module} (level {self.levels.get(module)}) must not see the reports"
        elif not own and header not in (f"reports/{folder}/{folder}.h", "reports/all.h"):
            yield "domain", f"{header} is that report's own"
        elif not own and module == "reports" and header != "reports/all.h":
            yield "domain", f"{header}: a report sees no other report"

    def private_header_exists(self, path, header):
        """A quoted include without `kontor/` is beside the file or in the module's own src/ (or generated there)."""
        module = self.module_of(path)
        base = "app" if module == "app" else f"modules/{module}"
        places = APP_SEES.get(os.path.dirname(path), [os.path.dirname(path), f"{base}/src", f"{base}/include", base])
        return any(os.path.isfile(os.path.join(self.root, place, header)) for place in places)

    @staticmethod
    def check_line(path, module, bare, raw):
        if module in DETERMINISTIC:
            match = NOT_DETERMINISTIC.search(bare)
            if match:
                yield "deterministic", f"'{match.group(0).strip()}' has no place in {module}"
            if UNORDERED.search(bare) and not bare.lstrip().startswith("#") and "// lookup only" not in raw:
                yield "unordered", "hash table in deterministic code without `// lookup only`"
        elif module != "app" and path not in CLOCK_HOMES:
            match = CLOCK.search(bare)
            if match:
                yield "clock", f"'{match.group(0).strip()}' reads the system's clock; take a kontor::Clock"
        if module in WALL_CAREFUL and re.search(r"\bwall_ms\s*\(", bare):
            yield "wall", "reads the wall clock; deadlines are machine time"
        yield from check_text_decisions(module, bare, raw)
        yield from check_channel_names(path, module, raw)
        if module in INTEGER_ONLY and FLOAT.search(bare):
            yield "float", f"floating point in {module}"

    # ---- CMake -------------------------------------------------------------------------------------------------------
    def check_cmake(self, path):
        module = self.module_of(path)
        text = re.sub(r"#.*", "", self.read(path))
        if module not in GLOBBED and re.search(r"file\s*\(\s*GLOB", text, re.IGNORECASE):
            self.report(path, 1, "cmake", "file(GLOB): list the sources")
        for call in re.finditer(r"kontor_module\s*\(([^)]*)\)", text):
            line = text.count("\n", 0, call.start()) + 1
            name = re.match(r"NAME (\w+)", " ".join(call.group(1).split()))
            if not name or name.group(1) not in LIBRARIES.get(module, {module}):
                self.report(path, line, "cmake", f"the module in modules/{module} must be called {module}")
        if module in self.levels and module != "app":
            for link in re.finditer(r"\bkontor(?:::|_)([a-z_0-9]+)\b", text):
                target = link.group(1)
                if target in self.levels and target != module and self.levels[target] >= self.levels[module]:
                    line = text.count("\n", 0, link.start()) + 1
                    self.report(path, line, "level", f"{module} must not link {target} (level {self.levels[target]})")
            for source in self.files:
                if source.startswith(f"modules/{module}/src/") and source.endswith((".cc", ".c")):
                    name = source[len(f"modules/{module}/"):]
                    if name not in text:
                        self.report(path, 1, "cmake", f"{name} is in no source list")

    # ---- everything --------------------------------------------------------------------------------------------------
    def check_text(self, path):
        try:
            text = self.read(path)
        except OSError:
            return
        if "\0" in text[:8000]:
            return
        for number, line in enumerate(text.splitlines(), 1):
            match = HOSTS.search(line)
            if match:
                self.report(path, number, "hosts", f"'{match.group(0)}'")
            for match in DOCUMENT.finditer(line) if not path.startswith("tests/lint/") else ():
                if match.group(1) not in self.files:
                    self.report(path, number, "document", f"there is no {match.group(1)}")
            match = PRIVATE_DOCUMENT.search(line) if path != "tests/lint/check_house.py" else None
            if match:
                self.report(path, number, "document", f"'{match.group(0)}' is not in the repository")
            match = UNSEEDED.search(line) if path.startswith("tests/") and not path.startswith("tests/lint/") else None
            if match:
                self.report(path, number, "seed", f"'{match.group(0)}' differs from run to run")

    def check_architecture(self):
        path = "docs/ARCHITECTURE.md"
        if path not in self.files:
            self.report(path, 1, "architecture", "is missing")
            return
        rows = {}
        for number, line in enumerate(self.read(path).splitlines(), 1):
            row = re.match(r"\| `([a-z_0-9]+)` \| (\d+) \|", line)
            if row:
                rows[row.group(1)] = (int(row.group(2)), number)
        for module, level in self.levels.items():
            if module not in rows:
                self.report(path, 1, "architecture", f"the table has no row for {module}")
            elif rows[module][0] != level:
                self.report(path, rows[module][1], "architecture", f"{module} is of level {level} in modules/LEVELS")
        for module in rows.keys() - self.levels.keys():
            self.report(path, rows[module][1], "architecture", f"{module} is not in modules/LEVELS")

    def check_tree(self):
        for top in sorted({p.split("/")[0] for p in self.files}):
            if top not in TOP_FOLDERS and top not in TOP_FILES:
                self.report(top, 1, "folders", "not one of the folders and files of the top level")
        for module in sorted(self.levels):
            if f"modules/{module}/CMakeLists.txt" in self.files and f"modules/{module}/README.md" not in self.files:
                self.report(f"modules/{module}", 1, "readme", "has no README.md")

    def run(self):
        self.read_levels()
        self.check_tree()
        self.check_architecture()
        for path in self.files:
            if path.startswith(("modules/", "app/", "tests/examples/")):
                if path.endswith(SOURCE_ENDINGS) and self.module_of(path):
                    self.check_source(path)
                elif os.path.basename(path) == "CMakeLists.txt" and self.module_of(path):
                    self.check_cmake(path)
            if path.startswith(("modules/", "app/", "tests/")) and path.endswith(MEASURED) and not path.startswith("tests/data/"):
                self.check_length(path)
            self.check_text(path)
        return self.problems


def check_channel_names(path, module, raw):
    if module in ("connectors", "app", None):
        return
    match = CHANNEL_NAMES.search(raw)
    if match:
        yield "channel", f"'{match.group(0)}' is named outside of modules/connectors"
    match = METHOD_WORDS.search(raw.split("// ")[0]) if path not in METHOD_RECORDS else None
    if match and module in ("machine", "domains", "domain_routes", "reports", "outbox", "inbox", "api"):
        yield "channel", f"{match.group(0)} is a method's word: ask its record"


def check_text_decisions(module, bare, raw):
    # The words stand in strings, which `bare` has not; `bare` says that it is code at all.
    call = re.search(r"find|starts_with|ends_with|compare|[=!]=", bare)
    for pattern in (SEARCHED, SAME_WORDS, ROUTE_GUESS) + ((PATH_GUESS,) if module in KNOWS_NO_PATHS else ()):
        match = pattern.search(raw.split("// ")[0]) if call else None
        if match:
            yield "text", f"'{match.group(0).strip()}' decides by words"


def strip(text):
    """Blanks comments, strings and character literals, and keeps the lines where they are."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL)

    def blank(match):
        found = match.group(0)
        # An include line keeps its quotes: it is recognised by its text.
        return re.sub(r"[^\n]", " ", found) if found.startswith("/") else '"' + "\n" * found.count("\n") + '"'

    return pattern.sub(blank, text)


def main(arguments):
    if "--list-rules" in arguments:
        for rule, reason in RULES.items():
            print(f"{rule:14} {reason}")
        return 0
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    checker = Checker(root)
    problems = checker.run()
    for problem in problems:
        print(problem)
    print(f"{len(checker.files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
