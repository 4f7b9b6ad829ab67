#include "support/connector_kit.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace kontor::connectors {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> transcripts_in(const std::string& folder) {
    std::vector<std::string> files;
    if (!std::filesystem::exists(folder)) return files;
    for (const auto& file : std::filesystem::directory_iterator(folder))
        if (file.path().extension() == ".json") files.push_back(file.path().string());
    std::sort(files.begin(), files.end());
    return files;
}

Json read(const std::string& file) {
    std::ifstream in(file);
    return Json::parse(in);
}

std::string text(const Json& json, const char* name) {
    return json.value(name, std::string());
}

constexpr const char* kOperations[] = {"", "sale", "authorize", "capture", "void", "refund"};

Order order_of(const Json& json) {
    Order order;
    order.reference = text(json, "reference");
    const std::string operation = text(json, "operation");
    for (std::uint8_t i = 1; i < std::size(kOperations); ++i)
        if (operation == kOperations[i]) order.operation = static_cast<Operation>(i);
    order.amount_minor = json.value("amount", std::int64_t{0});
    order.currency = json.value("currency", std::uint16_t{0});
    order.method_type = text(json, "method_type");
    order.method_token = text(json, "method_token");
    order.channel_reference = text(json, "channel_reference");
    order.undoes = text(json, "undoes");
    order.earlier_tries = json.value("earlier_tries", 0U);
    order.return_url = text(json, "return_url");
    order.door_url = text(json, "door_url");
    return order;
}

// A transcript of how the channel is asked about the order, instead of being sent it.
bool is_query(const Json& transcript) {
    return transcript.value("query", false);
}

// What the connector makes of the order, or of the question about it. Nothing: it asks about no such order.
std::optional<std::variant<Call, Answer>> built_of(const Connector& connector, const Json& transcript,
                                                   const Order& order, const Credentials& credentials,
                                                   const Moment& moment) {
    if (!is_query(transcript)) return connector.build.value(order, credentials, moment);
    const Query* query = connector.query_of(order.operation);
    if (query == nullptr) return std::nullopt;
    return query->build.value(order, credentials, moment);
}

// Nothing: the channel knows no such order.
std::optional<Answer> parsed_of(const Connector& connector, const Json& transcript, const Order& order,
                                const Reply& reply, const Credentials& credentials, const Moment& moment) {
    if (!is_query(transcript)) return connector.parse.value(order, reply, credentials, moment);
    const Query* query = connector.query_of(order.operation);
    return query == nullptr ? std::nullopt : query->parse.value(order, reply, credentials, moment);
}

Credentials credentials_of(const Json& transcript) {
    Credentials credentials;
    for (const auto& [name, value] : transcript.at("credentials").items())
        credentials.set(name, crypto::Secret(value.get<std::string>()));
    return credentials;
}

Moment moment_of(const Json& transcript) {
    const Json& moment = transcript.at("moment");
    return {moment.at("utc_ms").get<std::int64_t>(), text(moment, "nonce")};
}

Json json_of(const std::vector<Header>& headers) {
    Json all = Json::array();
    for (const Header& header : headers) all.push_back(Json::array({header.name, header.value}));
    return all;
}
std::vector<Header> headers_of(const Json& json) {
    std::vector<Header> headers;
    if (json.contains("headers"))
        for (const Json& one : json.at("headers"))
            headers.push_back({one.at(0).get<std::string>(), one.at(1).get<std::string>()});
    return headers;
}

Json json_of(const Answer& answer) {
    static constexpr const char* kStates[] = {"unknown", "succeeded", "failed", "requires_action"};
    Json json = {{"state", kStates[static_cast<int>(answer.state)]}};
    if (!answer.channel_reference.empty()) json["channel_reference"] = answer.channel_reference;
    if (answer.state == Answer::State::failed)
        json["failure"] = Json{{"type", answer.failure.type},
                               {"code", answer.failure.code},
                               {"decline_code", answer.failure.decline_code},
                               {"message", answer.failure.message}};
    if (answer.state == Answer::State::requires_action)
        json["next_action"] = Json{{"redirect_url", answer.next_action.redirect_url},
                                   {"qr_data", answer.next_action.qr_data},
                                   {"expires_utc_ms", answer.next_action.expires_utc_ms}};
    return json;
}

Json json_of(const Call& call) {
    return Json{{"method", call.method},
                {"url", call.url},
                {"headers", json_of(call.headers)},
                {"body", call.body},
                {"timeout_ms", call.timeout_ms}};
}

// {"call": …} or {"answer": …}
Json json_of(const std::variant<Call, Answer>& built) {
    if (const auto* call = std::get_if<Call>(&built)) return Json{{"call", json_of(*call)}};
    return Json{{"answer", json_of(std::get<Answer>(built))}};
}

Inbound inbound_of(const Json& json) {
    return {text(json, "method"), text(json, "path"), text(json, "query"),
            headers_of(json),     text(json, "body"), text(json, "door_url")};
}

Json json_of(const Handled& handled) {
    Json json;
    if (handled.notice)
        json["notice"] = Json{{"id", handled.notice->id},
                              {"reference", handled.notice->reference},
                              {"answer", json_of(handled.notice->answer)}};
    json["status"] = handled.acknowledgement.status;
    json["type"] = handled.acknowledgement.type;
    return json;
}

}  // namespace

// What is recorded is what happens; asked again, the same.
TEST_P(Conformance, GivesWhatWasRecorded) {
    const bool update = std::getenv("KONTOR_UPDATE_TRANSCRIPTS") != nullptr;
    ASSERT_FALSE(transcripts_in(folder).empty()) << "no transcript in " << folder;
    for (const std::string& file : transcripts_in(folder)) {
        SCOPED_TRACE(file);
        Json transcript = read(file);
        const Credentials credentials = credentials_of(transcript);
        const Moment moment = moment_of(transcript);
        if (transcript.contains("order")) {
            const Order order = order_of(transcript.at("order"));
            const auto built = built_of(connector, transcript, order, credentials, moment);
            ASSERT_TRUE(built) << "the connector does not ask about this operation";
            EXPECT_EQ(json_of(*built).dump(),
                      json_of(*built_of(connector, transcript, order, credentials, moment)).dump());
            if (const auto* call = std::get_if<Call>(&*built)) {
                EXPECT_TRUE(call->url.starts_with("https://")) << call->url;
                EXPECT_NE((call->url + call->body + json_of(call->headers).dump()).find(order.reference),
                          std::string::npos)
                    << "the reference is how the channel knows the order again";
            }
            if (update) transcript["built"] = json_of(*built);
            EXPECT_EQ(transcript.at("built"), json_of(*built));
        }
        if (transcript.contains("reply")) {
            const Order order = order_of(transcript.at("order"));
            const Reply reply{transcript.at("reply").at("status").get<int>(),
                              headers_of(transcript.at("reply")), text(transcript.at("reply"), "body")};
            const auto answer = parsed_of(connector, transcript, order, reply, credentials, moment);
            const Json parsed = answer ? json_of(*answer) : Json{{"state", "not_there"}};
            if (update) transcript["parsed"] = parsed;
            EXPECT_EQ(transcript.at("parsed"), parsed);
        }
        if (transcript.contains("inbound")) {
            const auto handled =
                connector.on_inbound.value(inbound_of(transcript.at("inbound")), credentials, moment);
            ASSERT_TRUE(handled) << handled.error().describe();
            if (update) transcript["handled"] = json_of(*handled);
            EXPECT_EQ(transcript.at("handled"), json_of(*handled));
        }
        if (update) std::ofstream(file) << transcript.dump(2) << "\n";
    }
}

// Nobody pays by an answer that says nothing.
TEST_P(Conformance, WhatIsNoReplyIsNoSuccess) {
    const std::vector<Reply> wrong = {{0, {}, ""},         {200, {}, ""},
                                      {204, {}, ""},       {200, {}, std::string(kReplyBytes, 'x')},
                                      {200, {}, "{"},      {200, {}, "{}"},
                                      {200, {}, "[]"},     {200, {}, "null"},
                                      {200, {}, "<html>"}, {200, {}, "\xFF\xFE\0"},
                                      {301, {}, "{}"},     {500, {}, "{}"},
                                      {502, {}, "bad"},    {503, {}, ""},
                                      {1000, {}, "{}"},    {-1, {}, "{}"},
                                      {404, {}, ""},       {404, {}, "<html>"},
                                      {404, {}, "{}"},     {410, {}, ""}};
    for (const std::string& file : transcripts_in(folder)) {
        const Json transcript = read(file);
        if (!transcript.contains("order")) continue;
        SCOPED_TRACE(file);
        const Order order = order_of(transcript.at("order"));
        const Credentials credentials = credentials_of(transcript);
        const Moment moment = moment_of(transcript);
        const auto is_no_success = [&](const Reply& reply) {
            const auto answer = parsed_of(connector, transcript, order, reply, credentials, moment);
            ASSERT_TRUE(answer) << "an order is sent again when the channel says that it has none: "
                                << reply.status << " " << reply.body.substr(0, 100);
            EXPECT_NE(answer->state, Answer::State::succeeded)
                << reply.status << " " << reply.body.substr(0, 100);
        };
        for (const Reply& reply : wrong) is_no_success(reply);
        if (!transcript.contains("reply")) continue;
        const std::string body = text(transcript.at("reply"), "body");
        for (std::size_t cut = 0; cut < body.size(); cut += 1 + body.size() / 64)
            for (const int status : {200, transcript.at("reply").value("status", 200)})
                is_no_success({status, headers_of(transcript.at("reply")), body.substr(0, cut)});
    }
}

// A notice is what the channel said, to the letter: whatever else comes is refused.
TEST_P(Conformance, ANoticeWithAFlippedByteIsRefused) {
    for (const std::string& file : transcripts_in(folder)) {
        const Json transcript = read(file);
        if (!transcript.contains("inbound") || !transcript.contains("signed")) continue;
        SCOPED_TRACE(file);
        const Credentials credentials = credentials_of(transcript);
        const Moment moment = moment_of(transcript);
        const auto refused = [&](const Inbound& inbound) {
            const auto handled = connector.on_inbound.value(inbound, credentials, moment);
            EXPECT_FALSE(handled && handled->notice)
                << inbound.path << "?" << inbound.query << " " << inbound.body;
        };
        // Which part the signature covers, as the transcript says: path, query or body.
        for (const Json& part : transcript.at("signed")) {
            const std::string name = part.get<std::string>();
            const Inbound good = inbound_of(transcript.at("inbound"));
            const std::string& covered = name == "path"    ? good.path
                                         : name == "query" ? good.query
                                                           : good.body;
            for (std::size_t i = 0; i < covered.size(); ++i) {
                Inbound bad = good;
                std::string& changed = name == "path" ? bad.path : name == "query" ? bad.query : bad.body;
                changed[i] = static_cast<char>(changed[i] ^ 1);
                refused(bad);
            }
            Inbound cut = good;
            (name == "path" ? cut.path : name == "query" ? cut.query : cut.body).clear();
            refused(cut);
        }
        refused({});
        const auto stranger = [&] {
            Credentials other;
            for (const std::string& field : credentials.names()) other.set(field, crypto::Secret("another"));
            return other;
        }();
        EXPECT_FALSE(connector.on_inbound.value(inbound_of(transcript.at("inbound")), stranger, moment));
        EXPECT_FALSE(connector.on_inbound.value(inbound_of(transcript.at("inbound")), Credentials(), moment));
    }
}

TEST_P(Conformance, EachTestTokenHasATranscript) {
    std::set<std::string> recorded;
    for (const std::string& file : transcripts_in(folder)) {
        const Json transcript = read(file);
        if (transcript.contains("order")) recorded.insert(text(transcript.at("order"), "method_token"));
    }
    for (const TestToken& token : connector.test_tokens.value)
        EXPECT_TRUE(recorded.contains(std::string(token.token))) << token.token;
}

TEST_P(Conformance, EachQueryHasATranscript) {
    std::set<Operation> recorded;
    for (const std::string& file : transcripts_in(folder)) {
        const Json transcript = read(file);
        if (is_query(transcript)) recorded.insert(order_of(transcript.at("order")).operation);
    }
    for (const Query& query : connector.queries.value)
        EXPECT_TRUE(recorded.contains(query.operation))
            << "operation " << static_cast<int>(query.operation.value);
}

// A huge or odd request at the door is refused, and never throws.
TEST_P(Conformance, TheDoorTakesNothingThatIsNotSigned) {
    const Credentials credentials =
        connector.draw.value != nullptr ? connector.draw.value(std::string(32, 'r')) : Credentials();
    for (const std::string& path : {std::string(), std::string("x"), std::string(8'000, '/'),
                                    std::string("authenticate/"), std::string("..%2f..")}) {
        for (const std::string& body :
             {std::string(), std::string("{}"), std::string(kInboundBytes, '{'), std::string("\0\xFF", 2)}) {
            for (const char* method : {"GET", "POST"}) {
                const auto handled =
                    connector.on_inbound.value({method, path, body, {}, body, "https://x"}, credentials, {});
                EXPECT_FALSE(handled && handled->notice) << path;
            }
        }
    }
}

}  // namespace kontor::connectors
