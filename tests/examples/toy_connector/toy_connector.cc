#include "examples/toy_connector/toy_connector.h"

#include "kontor/base/bytes.h"
#include "kontor/crypto/crypto.h"

namespace kontor::connectors::toy_connector {

namespace {

constexpr std::string_view kOrders = "https://toy.example/orders";
constexpr std::string_view kNotices = "notices";
constexpr int kNotThere = 404;
constexpr std::string_view kNoSuchOrder = "no such order\n";  // not a page of a server on the way

std::string_view word_of(Operation operation) {
    switch (operation) {
        case Operation::sale:
            return "sale";
        case Operation::authorize:
            return "authorize";
        case Operation::capture:
            return "capture";
        case Operation::void_authorization:
            return "void";
        case Operation::refund:
            return "refund";
    }
    return "";
}

// What an answer or a notice says; nothing where it was cut.
struct Said {
    std::string_view id, reference, state, url;
};
std::optional<Said> read(std::string_view body) {
    if (!body.ends_with('\n')) return std::nullopt;
    body.remove_suffix(1);
    Said said;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('&'), body.size());
        const std::string_view pair = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = pair.substr(0, equals);
        const std::string_view value = pair.substr(equals + 1);
        if (name == "id") said.id = value;
        if (name == "reference") said.reference = value;
        if (name == "state") said.state = value;
        if (name == "url") said.url = value;
    }
    if (said.id.empty() || said.reference.empty()) return std::nullopt;
    return said;
}

Answer answer_of(const Said& said) {
    if (said.state == "done") return succeeded(std::string(said.id));
    if (said.state == "declined")
        return failed({"card_error", "card_declined", "generic_decline", "Your card was declined."});
    if (said.state == "asks" && !said.url.empty())
        return requires_action(std::string(said.id), {std::string(said.url), {}, 0});
    return {};
}

}  // namespace

std::variant<Call, Answer> build(const Order& order, const Credentials& credentials,
                                 const Moment& /*moment*/) {
    Call call;
    call.url = kOrders;
    call.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                    {"Authorization", "Bearer " + std::string(credentials.find(kApiKey))},
                    {"Idempotency-Key", order.reference}};
    call.body = "reference=" + order.reference + "&operation=" + std::string(word_of(order.operation)) +
                "&amount=" + std::to_string(order.amount_minor) +
                "&currency=" + std::to_string(order.currency) + "&method=" + order.method_token +
                "&of=" + order.channel_reference + "&notify=" + order.door_url + "/" + std::string(kNotices);
    return call;
}

Answer parse(const Order& order, const Reply& reply, const Credentials& /*credentials*/,
             const Moment& /*moment*/) {
    if (reply.status != 200) return {};
    const auto said = read(reply.body);
    if (!said || said->reference != order.reference) return {};
    return answer_of(*said);
}

std::variant<Call, Answer> build_query(const Order& order, const Credentials& credentials,
                                       const Moment& /*moment*/) {
    Call call;
    call.method = "GET";
    call.url = std::string(kOrders) + "/" + order.reference;
    call.headers = {{"Authorization", "Bearer " + std::string(credentials.find(kApiKey))}};
    return call;
}

std::optional<Answer> parse_query(const Order& order, const Reply& reply, const Credentials& credentials,
                                  const Moment& moment) {
    if (reply.status == kNotThere && reply.body == kNoSuchOrder) return std::nullopt;
    return parse(order, reply, credentials, moment);
}

std::string signature(std::string_view notice_key, std::string_view path, std::string_view body) {
    return to_hex(crypto::hmac_sha256(notice_key, std::string(path) + "\n" + std::string(body)));
}

Result<Handled> on_inbound(const Inbound& inbound, const Credentials& credentials, const Moment& /*moment*/) {
    if (inbound.path != kNotices || inbound.method != "POST")
        return fail(ErrorCode::not_found, "There is no such page.");
    const std::string_view key = credentials.find(kNoticeKey);
    if (key.empty() || !crypto::equal_constant_time(header_of(inbound.headers, kSignature),
                                                    signature(key, inbound.path, inbound.body)))
        return fail(ErrorCode::permission_denied, "This notice was not signed by the channel.");
    const auto said = read(inbound.body);
    if (!said) return fail(ErrorCode::invalid_argument, "The notice cannot be read.");
    Handled handled;
    handled.notice = Notice{std::string(said->id) + ":" + std::string(said->state),
                            std::string(said->reference), answer_of(*said)};
    handled.acknowledgement.body = "ok";
    return handled;
}

}  // namespace kontor::connectors::toy_connector
