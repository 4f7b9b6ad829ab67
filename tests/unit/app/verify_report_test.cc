// What `kontor verify` says: which verdict stands when not all could be looked at.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "verify.h"

namespace kontor::app {
namespace {

Verification whole() {
    Verification verification;
    verification.ledger.accounts = 7;
    verification.ledger.transfers = 9;
    verification.is_ledger_done = true;
    verification.audit.invariants = 20;
    verification.audit.rows = 300;
    verification.state_hash_hex = "ab";
    return verification;
}
bool says(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

TEST(VerifyReport, OfWhatHolds) {
    const Verification verification = whole();
    EXPECT_TRUE(verification.holds());
    const std::string text = to_text(verification);
    EXPECT_TRUE(says(text, "The ledger holds: 7 accounts")) << text;
    EXPECT_TRUE(says(text, "Everything else holds: 20 invariants over 300 rows")) << text;
    const auto json = nlohmann::json::parse(to_json(verification));
    EXPECT_EQ(json["holds"], true);
    EXPECT_EQ(json["verified"], true);
    EXPECT_EQ(json["invariants"], 20);
    EXPECT_TRUE(json["breaks"].empty());
    EXPECT_TRUE(json["problems"].empty());
}

TEST(VerifyReport, NamesBreaks) {
    Verification verification = whole();
    verification.audit.breaks.push_back({"webhooks", "each delivery waits", "delivery 5: it does not", 3});
    verification.audit.breaks.push_back({"frame", "links lead somewhere", "link 7 does not", 1});
    EXPECT_FALSE(verification.holds());
    const std::string text = to_text(verification);
    EXPECT_TRUE(says(text, "The ledger holds: ")) << text;
    EXPECT_TRUE(says(text, "SOMETHING ELSE DOES NOT HOLD: ")) << text;
    EXPECT_TRUE(says(text, "webhooks: each delivery waits: delivery 5: it does not, and 2 more\n")) << text;
    EXPECT_TRUE(says(text, "frame: links lead somewhere: link 7 does not\n")) << text;
    const auto json = nlohmann::json::parse(to_json(verification));
    EXPECT_EQ(json["holds"], false);
    EXPECT_EQ(json["breaks"][0]["count"], 3);
    EXPECT_EQ(json["breaks"][1]["first"], "link 7 does not");
    EXPECT_EQ(json["problems"].size(), 2U);
}

// A view that ends says nothing about rows: what was proven of the ledger stands, and nothing is alleged.
TEST(VerifyReport, OfAViewThatEnded) {
    Verification verification = whole();
    verification.audit = {};
    verification.not_verified = "the view was ended";
    EXPECT_FALSE(verification.holds());
    std::string text = to_text(verification);
    EXPECT_TRUE(says(text, "The ledger holds: 7 accounts")) << text;
    EXPECT_TRUE(says(text, "Everything else could not be verified: the view was ended")) << text;
    EXPECT_FALSE(says(text, "NOT HOLD")) << text;
    verification.is_ledger_done = false;
    verification.ledger = {};
    text = to_text(verification);
    EXPECT_TRUE(says(text, "The ledger could not be verified: the view was ended")) << text;
    EXPECT_FALSE(says(text, "HOLD")) << text;
    const auto json = nlohmann::json::parse(to_json(verification));
    EXPECT_EQ(json["verified"], false);
    EXPECT_TRUE(json["holds"].is_null()) << json;
    EXPECT_EQ(json["problems"][0], "not verified: the view was ended");
}

// What nobody could look at is not known; what was found is a finding, however the look ended.
TEST(VerifyReport, TellsNotKnownFromBroken) {
    Verification verification = whole();
    EXPECT_EQ(verdict_in(to_json(verification)), Verdict::holds);
    verification.not_verified = "the node is stopping";
    EXPECT_EQ(verification.verdict(), Verdict::not_known);
    EXPECT_EQ(verdict_in(to_json(verification)), Verdict::not_known);
    verification.ledger.differences = 1;
    EXPECT_EQ(verification.verdict(), Verdict::broken);
    EXPECT_EQ(verdict_in(to_json(verification)), Verdict::broken);
    for (const ErrorCode code : {ErrorCode::io, ErrorCode::unavailable, ErrorCode::timeout,
                                 ErrorCode::too_large, ErrorCode::not_found, ErrorCode::invalid_argument})
        EXPECT_EQ(verdict_in(to_json(Error{code, "what"})), Verdict::not_known) << to_string(code);
    const auto ended = nlohmann::json::parse(to_json(Error{ErrorCode::io, "the node ended"}));
    EXPECT_TRUE(ended["holds"].is_null()) << ended;
    EXPECT_EQ(ended["verified"], false);
    EXPECT_EQ(ended["error"], "i/o error: the node ended");
    const auto damaged = nlohmann::json::parse(to_json(Error{ErrorCode::corruption, "a page"}));
    EXPECT_EQ(damaged["holds"], false);
    for (const char* text : {"", "{}", "[]", "null", R"({"holds":null})", R"({"holds":1})"})
        EXPECT_EQ(verdict_in(text), Verdict::not_known) << text;
}

}  // namespace
}  // namespace kontor::app
