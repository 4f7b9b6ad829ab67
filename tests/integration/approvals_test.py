#!/usr/bin/env python3
"""Four eyes in a running node: a policy, a command that waits over a restart, who may decide, what `kontor verify` says."""
import json
import unittest

import kontor_process
from kontor_process import Admin, Kontor, run, temporary_folder, verify


def error_code(answer):
    return answer.status, answer.json["error"]["code"]


class FourEyes(unittest.TestCase):
    def test_a_second_person_decides(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            ada = Admin(kontor).set_up("ada")
            # Alone there is no second person, and so no policy.
            rules = [{"command": "create_merchant"}, {"command": "create_api_key"}, {"command": "change_channel_account"}]
            answer = ada.request("POST", "approval_policy", {"revision": 0, "rules": rules})
            self.assertEqual(error_code(answer), (409, "too_few_people"))
            # A script's variable without a value makes no link for a new owner.
            self.assertEqual(run("setup-link", "--data", f"{folder}/data", "--operator", "").returncode, 2)
            link = run("setup-link", "--data", f"{folder}/data", "--json")
            self.assertEqual(link.returncode, 0, link.stderr)
            bob = Admin(kontor).set_up("bob", json.loads(link.stdout)["admin_url"])
            self.assertEqual(ada.post("approval_policy", {"revision": 0, "rules": rules})["revision"], 1)

            # What is not touched is not shown: an empty list would say that all is taken away.
            renamed = ada.request("POST", "channels/1", {"name": "Renamed"})
            self.assertEqual(renamed.status, 202)
            shown = bob.get(f"approvals/{renamed.json['approval']}")
            self.assertEqual((shown["mode"], shown["fields"]), ("test", {"account": 1, "name": "Renamed"}))
            self.assertEqual(bob.request("POST", f"approvals/{renamed.json['approval']}/reject", {}).status, 200)

            before = len(ada.get("merchants")["data"])
            waiting = ada.request("POST", "merchants", {"name": "Shop", "reason": "they called"})
            self.assertEqual((waiting.status, waiting.json["status"]), (202, "awaiting_approval"))
            request = waiting.json["approval"]
            self.assertEqual(len(ada.get("merchants")["data"]), before)
            self.assertEqual(error_code(ada.request("POST", f"approvals/{request}/approve", {})), (403, "own_request"))
            cookies = (ada.cookie, ada.csrf), (bob.cookie, bob.csrf)
            self.assertEqual(kontor.stop(), 0)
            with Kontor.dev(f"{folder}/data") as again:
                ada, bob = Admin(again), Admin(again)
                (ada.cookie, ada.csrf), (bob.cookie, bob.csrf) = cookies
                self.check_decisions(ada, bob, request, before)
                code, report = verify(f"{folder}/data")
                self.assertEqual((code, report["holds"]), (0, True), report)

    def check_decisions(self, ada, bob, request, before):
        shown = bob.get(f"approvals/{request}")
        self.assertEqual((shown["status"], shown["command"], shown["fields"], shown["reason"], shown["proposer"]["name"]),
                         ("pending", "create_merchant", {"name": "Shop"}, "they called", "ada"))
        done = bob.post(f"approvals/{request}/approve", {"note": "fine"})
        self.assertEqual((done["status"], done["outcome"], done["decider"]["name"]), ("executed", "ok", "bob"))
        merchants = ada.get("merchants")["data"]
        self.assertEqual(len(merchants), before + 1)
        self.assertEqual(error_code(bob.request("POST", f"approvals/{request}/approve", {})), (409, "already_decided"))

        # A key works when it was approved, and not before.
        merchant = next(one["id"] for one in merchants if one["name"] == "Shop")
        waiting = ada.request("POST", f"merchants/{merchant}/keys", {"name": "till"})
        self.assertEqual(waiting.status, 202)
        api, key = ada.kontor.api(), {"Authorization": f"Bearer {waiting.json['secret']}"}
        self.assertEqual(api.raw("GET", "/v1/balance", headers=key).status, 401)
        self.assertEqual(bob.post(f"approvals/{waiting.json['approval']}/approve")["status"], "executed")
        self.assertEqual(api.raw("GET", "/v1/balance", headers=key).status, 200)

        # Nobody switches it off alone.
        off = ada.request("POST", "approval_policy", {"revision": 1, "rules": []})
        self.assertEqual(off.status, 202)
        self.assertEqual(bob.post(f"approvals/{off.json['approval']}/reject", {"note": "why?"})["status"], "rejected")
        self.assertEqual(ada.get("approval_policy")["revision"], 1)
        self.assertEqual(ada.get("approvals?status=pending")["data"], [])


if __name__ == "__main__":
    kontor_process.main()
