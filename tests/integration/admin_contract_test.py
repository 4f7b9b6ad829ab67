#!/usr/bin/env python3
"""The contract of the admin API (tests/contract/admin.json), run against the server.

web/test/contract.test.mjs runs the same against the mock that the pages are developed with, so that the two cannot
differ where the contract says something."""
import json
import pathlib
import re
import unittest

import kontor_process
from kontor_process import Kontor, form, temporary_folder, token_of, totp, until

CONTRACT = json.loads((pathlib.Path(__file__).parent.parent / "contract" / "admin.json").read_text())


class Contract(unittest.TestCase):
    def fill(self, text):
        return re.sub(r"\{(\w+)\}", lambda m: self.kept.get(m[1], m[0]), text)

    def misfit(self, value, shape, where):
        """The first thing that does not fit, or None."""
        if isinstance(shape, list):
            if not isinstance(value, list):
                return f"{where} is no list"
            if not shape:
                return f"{where} is not empty" if value else None
            return next(filter(None, (self.misfit(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value))), None)
        if isinstance(shape, dict):
            if not isinstance(value, dict):
                return f"{where} is no object"
            more = set(value) - {name.rstrip("?") for name in shape}
            if more:
                return f"{where}: {sorted(more)} not in the contract"
            for name, inner in shape.items():
                key = name.rstrip("?")
                if key not in value:
                    if name == key:
                        return f"{where}.{key} is missing"
                    continue
                wrong = self.misfit(value[key], inner, f"{where}.{key}")
                if wrong:
                    return wrong
            return None
        if shape.startswith("@"):
            return self.misfit(value, CONTRACT["shapes"][shape[1:]], where)
        return None if any(self.fits(value, kind) for kind in shape.split("|")) else f"{where} is {value!r}, not {shape}"

    def fits(self, value, kind):
        if kind.startswith("="):
            return value == self.fill(kind[1:])
        if kind == "any":
            return True
        types = {"null": type(None), "integer": int, "text": str, "boolean": bool, "object": dict}
        return isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool))

    def send(self, step):
        method, target = self.fill(step["request"]).split(" ")
        headers, body = {}, step.get("body")
        if step["as"] in ("operator", "no_csrf"):
            headers["Cookie"] = self.cookie
        if step["as"] == "operator" and method != "GET":
            headers["X-CSRF-Token"] = self.kept["csrf"]
        filled = None if body is None else json.loads(self.fill(json.dumps(body)))
        if target.startswith("/v1/"):
            headers["Authorization"] = f"Bearer {self.kept[step['as']]}"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self.api.raw(method, target, None if body is None else form(filled), headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.api.raw(method, f"/admin/api/{target}", None if body is None else json.dumps(filled), headers)

    def codes(self):
        near = [totp(self.kept["totp_secret"], off) for off in (-1, 0, 1, 2)]
        self.kept["code"] = near[1]
        self.kept["wrong_code"] = next(code for code in ("000000", "111111", "222222", "333333", "444444")
                                       if code not in near)

    @staticmethod
    def is_there(answer, step):
        return answer.status == step["status"] and len(answer.json["data"]) >= step["count"]

    def run_step(self, step):
        if "totp_secret" in self.kept:
            self.codes()
        answer = self.send(step)
        if step.get("until") and not self.is_there(answer, step):  # a report, which lags behind
            def there():
                nonlocal answer
                answer = self.send(step)
                return self.is_there(answer, step)
            until(there, what=step["name"])
        self.assertEqual(answer.status, step["status"], answer)
        self.bodies[step["name"]] = answer.text
        if "same_as" in step:
            self.assertEqual(answer.text, self.bodies[step["same_as"]])
        value = answer.json
        if "shape" in step:
            self.assertIsNone(self.misfit(value, step["shape"], "answer"))
        if "code" in step:
            self.assertEqual(value["error"]["code"], step["code"])
        if "count" in step:
            self.assertEqual(len(value["data"]), step["count"], answer)
        for name, source in step.get("keep", {}).items():
            self.kept[name] = value[source]
        if step.get("opens"):
            self.cookie = "; ".join(one.split(";")[0] for one in answer.headers.get_all("Set-Cookie"))

    def test_the_server_keeps_it(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            self.api = kontor.api()
            self.kept = {"name": "ada", "password": "tortoise lamp violet 9",
                         "token": token_of(kontor.ready["admin_url"])}
            self.bodies, self.cookie = {}, ""
            for step in CONTRACT["steps"]:
                with self.subTest(step["name"]):
                    self.run_step(step)


if __name__ == "__main__":
    kontor_process.main()
