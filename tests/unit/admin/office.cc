#include "office.h"

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "support/methods.h"

#include "reports/all.h"

namespace kontor::admin::testing {
namespace {

// Waits for one answer. Shared with the responder, which may come late.
struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<http::Response> response;
};

constexpr std::uint32_t kEuro = 978;

std::string address(const std::string& target) {
    const std::string first = target.substr(0, target.find_first_of("/?"));
    for (const char* known :
         {"", "setup", "login", "logout", "session", "approvals", "approval_policy", "test", "live"})
        if (first == known) return "/admin/api/" + target;
    return "/admin/api/test/" + target;
}

}  // namespace

std::string Answer::header(std::string_view name) const {
    for (const auto& one : response.headers)
        if (one.name == name) return one.value;
    return {};
}
std::string Answer::code() const {
    return json.is_object() && json.contains("error") ? json["error"].value("code", "") : "";
}
std::string Answer::param() const {
    return json.is_object() && json.contains("error") ? json["error"].value("param", "") : "";
}

Office::Office() : sealer_(crypto::Secret(std::string(32, 'k'))) {
    std::string pattern = (std::filesystem::temp_directory_path() / "kontor-admin-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    node::NodeOptions node;
    node.folder = folder_ + "/data";
    node.partitions = 1;
    node.cache_bytes = 1U << 20U;
    node.map_bytes = 64U << 20U;
    node.log_segment_bytes = 1U << 20U;
    node.max_log_bytes = 16U << 20U;
    node.tick_ms = 50;
    node.clock = &clock_;
    node.metrics = &metrics_;
    auto started = node::Node::start(std::move(node));
    EXPECT_TRUE(started) << started.error().describe();
    node_ = *std::move(started);
    reporting::ReportsOptions reports;
    reports.folder = folder_ + "/reports";
    reports.service = node_.get();
    reports.clock = &clock_;
    reports.metrics = &metrics_;
    auto opened = reporting::Reports::open(std::move(reports), kontor::reports::all());
    EXPECT_TRUE(opened) << opened.error().describe();
    reports_ = *std::move(opened);
    AdminOptions options;
    options.node = node_.get();
    options.reports = reports_.get();
    options.sealer = &sealer_;
    options.clock = &surface_clock_;
    options.metrics = &metrics_;
    options.version = "1.2.3";
    options.role = [this](std::string_view name) { return role_(name); };
    options.knows_now = [this] { return knows_now_.load(); };
    admin_ = Admin::make(std::move(options));
}

Office::~Office() {
    admin_.reset();
    reports_.reset();
    node_.reset();
    std::filesystem::remove_all(folder_);
}

void Office::send_async(std::string method, const std::string& target, std::string body, Headers headers,
                        http::Responder respond) {
    http::Request request;
    request.method = std::move(method);
    request.path = target.substr(0, target.find('?'));
    if (target.find('?') != std::string::npos) request.query = target.substr(target.find('?') + 1);
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.peer_ip = peer_;
    admin_->handle(std::move(request), std::move(respond));
}

Answer Office::send(std::string method, const std::string& target, std::string body, Headers headers) {
    const auto waiting = std::make_shared<Waiting>();
    send_async(std::move(method), target, std::move(body), std::move(headers),
               [waiting](http::Response response) {
                   const std::lock_guard lock(waiting->mutex);
                   EXPECT_FALSE(waiting->response) << "answered twice";
                   waiting->response = std::move(response);
                   waiting->changed.notify_all();
               });
    std::unique_lock lock(waiting->mutex);
    const bool came = waiting->changed.wait_for(lock, std::chrono::seconds(30),
                                                [&] { return waiting->response.has_value(); });
    EXPECT_TRUE(came) << "no answer to " << target;
    if (!came) return {};
    Answer answer;
    answer.response = *waiting->response;
    answer.status = answer.response.status;
    answer.text =
        answer.response.static_body.empty() ? answer.response.body : std::string(answer.response.static_body);
    answer.json = Json::parse(answer.text, nullptr, false);
    return answer;
}

Headers Office::credentials() const {
    return {
        {"Cookie", session_.cookie}, {"X-CSRF-Token", session_.csrf}, {"Content-Type", "application/json"}};
}
Answer Office::get(const std::string& target) {
    return send("GET", address(target), {}, {{"Cookie", session_.cookie}});
}
Answer Office::post(const std::string& target, const Json& body) {
    return send("POST", address(target), body.dump(), credentials());
}
Answer Office::open_post(const std::string& target, const Json& body) {
    return send("POST", address(target), body.dump(), {{"Content-Type", "application/json"}});
}

std::string Office::make_token(std::int64_t lifetime_ms, const std::string& operator_name) {
    const std::string token = crypto::random_token(32);
    pb::Command command;
    mutable_body(command, pb::create_setup_token)->set_token_sha256(crypto::sha256(token));
    mutable_body(command, pb::create_setup_token)->set_lifetime_ms(lifetime_ms);
    mutable_body(command, pb::create_setup_token)->set_operator_name(operator_name);
    EXPECT_EQ(run(command).outcome(), machine::outcome::ok);
    return token;
}

std::string Office::code(const Person& person) {
    return crypto::totp_code(crypto::Secret(person.totp_secret),
                             static_cast<std::uint64_t>(clock_.wall_ms()) / 30'000);
}

Person Office::set_up(const std::string& name) {
    const std::string token = make_token();
    Person person{name, kPassword, ""};
    const Answer begun =
        open_post("setup/begin", {{"token", token}, {"name", name}, {"password", person.password}});
    EXPECT_EQ(begun.status, 200) << begun.text;
    const std::string secret = begun.json.value("totp_secret", "");
    person.totp_secret = crypto::from_base32(secret).value();
    const Answer finished = open_post("setup/finish", {{"token", token},
                                                       {"name", name},
                                                       {"password", person.password},
                                                       {"totp_secret", secret},
                                                       {"code", code(person)}});
    EXPECT_EQ(finished.status, 200) << finished.text;
    keep(finished);
    return person;
}

Answer Office::login(const Person& person, const std::string& with_code, const std::string& cookie) {
    const Json body{{"name", person.name}, {"password", person.password}, {"code", with_code}};
    return send("POST", "/admin/api/login", body.dump(),
                {{"Content-Type", "application/json"}, {"Cookie", cookie}});
}

void Office::keep(const Answer& answer) {
    for (const auto& header : answer.response.headers) {
        if (header.name != "Set-Cookie") continue;
        const std::string cookie = header.value.substr(0, header.value.find(';'));
        (cookie.starts_with("kontor_browser_") ? session_.browser : session_.cookie) = cookie;
    }
    session_.csrf = answer.json.value("csrf", "");
}

pb::Result Office::run(pb::Command command) {
    command.set_version(1);
    pb::Result result;
    const auto done = node_->submit_and_wait(std::move(command),
                                             [&](const machine::Answer& answer) { result = answer.result; });
    EXPECT_TRUE(done) << done.error().describe();
    return result;
}

std::uint64_t Office::merchant(const std::string& name) {
    pb::Command command;
    mutable_body(command, pb::create_merchant)->set_name(name);
    shop_no_ = object_in(run(command), pb::merchant).no();
    return shop_no_;
}
pb::Command Office::of_shop() const {
    pb::Command command;
    command.set_merchant_no(shop_no_);
    return command;
}
std::uint64_t Office::customer(const std::string& name, std::int64_t wallet) {
    pb::Command create = of_shop();
    mutable_body(create, pb::create_customer)->set_name(name);
    mutable_body(create, pb::create_customer)->set_email("someone@example.com");
    const std::uint64_t no = object_in(run(create), pb::customer).no();
    if (wallet > 0) {
        pb::Command top_up = of_shop();
        mutable_body(top_up, pb::top_up_wallet)->set_customer_no(no);
        mutable_body(top_up, pb::top_up_wallet)->set_amount(wallet);
        mutable_body(top_up, pb::top_up_wallet)->set_currency(kEuro);
        run(top_up);
    }
    return no;
}
pb::Result Office::pay(std::uint64_t customer_no, std::int64_t amount, const std::string& description,
                       bool manual_capture) {
    pb::Command command = of_shop();
    command.set_request_id("req_test");
    auto& create = *mutable_body(command, pb::create_payment_intent);
    create.set_amount(amount);
    create.set_currency(kEuro);
    create.set_customer_no(customer_no);
    create.set_description(description);
    create.add_payment_method_types("wallet");
    *create.mutable_payment_method() = kontor_test::method("pm_wallet");
    create.set_manual_capture(manual_capture);
    create.set_confirm(true);
    create.set_client_secret_suffix("x");
    return run(command);
}
bool Office::reports_are_current() {
    const auto index = node_->stats().applied_index;
    // Entries without an audit record (Ticks) do not move the projection: what counts is what it shows, so a
    // last audit record of our own says when it got there.
    pb::Command mark = of_shop();
    mutable_body(mark, pb::create_customer)->set_name("mark");
    run(mark);
    return eventually([&] { return reports_->log_index() > index; });
}

}  // namespace kontor::admin::testing
