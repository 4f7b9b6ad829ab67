#include "wire.h"

#include "kontor/bodies.h"
#include "kontor/machine/features.h"
#include "kontor/peer.pb.h"

namespace kontor::cluster {
namespace {

template <typename Message>
void put_headers(Message& out, const std::vector<http::Header>& headers) {
    for (const http::Header& header : headers) {
        pb::WireHeader& one = *out.add_headers();
        one.set_name(header.name);
        one.set_value(header.value);
    }
}

template <typename Message>
std::vector<http::Header> take_headers(Message& in) {
    std::vector<http::Header> headers;
    headers.reserve(static_cast<std::size_t>(in.headers_size()));
    for (pb::WireHeader& one : *in.mutable_headers())
        headers.push_back({std::move(*one.mutable_name()), std::move(*one.mutable_value())});
    return headers;
}

template <typename Message>
Result<Message> parse(std::string_view bytes, const char* what) {
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return fail(ErrorCode::invalid_argument, std::string(what) + " does not parse");
    return message;
}

}  // namespace

pb::PeerHello hello_of(const std::string& run_id, const std::string& version, std::int64_t wall_ms) {
    pb::PeerHello hello;
    hello.set_protocol(kPeerProtocol);
    hello.set_run_id(run_id);
    hello.set_wall_ms(wall_ms);
    hello.set_version(version);
    hello.set_feature_level(machine::feature_level());
    return hello;
}

std::string encode_request(const http::Request& request) {
    pb::ForwardedRequest out;
    out.set_method(request.method);
    out.set_path(request.path);
    out.set_query(request.query);
    put_headers(out, request.headers);
    out.set_body(request.body);
    out.set_peer_ip(request.peer_ip);
    return out.SerializeAsString();
}

Result<http::Request> decode_request(std::string_view bytes) {
    KONTOR_TRY(auto in, parse<pb::ForwardedRequest>(bytes, "a forwarded request"));
    http::Request request;
    request.method = std::move(*in.mutable_method());
    request.path = std::move(*in.mutable_path());
    request.query = std::move(*in.mutable_query());
    request.headers = take_headers(in);
    request.body = std::move(*in.mutable_body());
    request.peer_ip = std::move(*in.mutable_peer_ip());
    return request;
}

Result<std::string> encode_response(http::Response response) {
    if (response.prepare) {
        const auto prepare = std::move(response.prepare);
        response.prepare = nullptr;
        prepare(response);
    }
    if (response.on_stream) return fail(ErrorCode::unsupported, "a stream cannot be passed on");
    pb::ForwardedResponse out;
    out.set_status(static_cast<std::uint32_t>(response.status));
    out.set_outcome(response.outcome);
    put_headers(out, response.headers);
    if (response.static_body.empty())
        out.set_body(std::move(response.body));
    else
        out.set_body(std::string(response.static_body));
    return out.SerializeAsString();
}

Result<http::Response> decode_response(std::string_view bytes) {
    KONTOR_TRY(auto in, parse<pb::ForwardedResponse>(bytes, "a forwarded answer"));
    http::Response response;
    response.status = static_cast<int>(in.status());
    response.outcome = in.outcome();
    response.headers = take_headers(in);
    response.body = std::move(*in.mutable_body());
    return response;
}

}  // namespace kontor::cluster
