// `kontor dev`: an appliance on loopback that performs the main job once and then serves.

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "api_client.h"
#include "appliance.h"
#include "commands.h"
#include "config_check.h"
#include "control.h"
#include "control_handler.h"
#include "data_folder.h"
#include "domains/accounts/accounts.h"
#include "domains/keys/keys.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/base/object_id.h"
#include "kontor/base/shortage.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/money/money.h"
#include "kontor/store/damaged_file.h"
#include "output.h"
#include "receiver.h"
#include "secrets.h"
#include "shutdown.h"
#include "tls_files.h"
#include "verify.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kWebhookWaitMs = 10'000;
constexpr std::int64_t kTopUpMinor = 10'000, kWalletPaymentMinor = 2'500, kCardPaymentMinor = 4'200,
                       kRefundMinor = 1'000;

std::string display(std::int64_t minor) {
    return money::Money(minor, *money::Currency::from_code("eur")).display();
}

// The key of a dev folder lies beside it, never inside; an ephemeral run keeps it in memory.
Result<crypto::Secret> dev_secrets_key(const DevArguments& arguments) {
    if (arguments.ephemeral) return crypto::Secret(crypto::random_bytes(32));
    const std::string path =
        std::filesystem::absolute(arguments.data_folder).lexically_normal().string() + ".key";
    if (!file_exists(path) && !holds_data(arguments.data_folder)) KONTOR_CHECK(make_secrets_key(path));
    return load_secrets_key(path, arguments.data_folder);
}

// What a later run needs again: the plain test key and the receiver's endpoint. Dev only; mode 0600.
struct DevNotes {
    std::string test_key, endpoint_id, webhook_secret;
};

DevNotes load_notes(const std::string& path) {
    DevNotes notes;
    const auto content = read_file(path);
    if (!content) return notes;
    const auto json = nlohmann::json::parse(*content, nullptr, false);
    if (!json.is_object()) return notes;
    notes.test_key = json.value("test_key", "");
    notes.endpoint_id = json.value("endpoint_id", "");
    notes.webhook_secret = json.value("webhook_secret", "");
    return notes;
}

Result<void> save_notes(const std::string& path, const DevNotes& notes) {
    const Json json{{"test_key", notes.test_key},
                    {"endpoint_id", notes.endpoint_id},
                    {"webhook_secret", notes.webhook_secret}};
    return write_file(path, json.dump(2) + "\n", 0600);
}

pb::Command system_command() {
    return machine::new_command(pb::Actor::SYSTEM);
}

Result<std::string> make_test_key(node::Node& node) {
    std::uint64_t merchant_no = 0;
    node.read([&](const store::Reader& rows, std::uint64_t) {
        const auto merchants = accounts::list_merchants(rows, 0, 1);
        if (!merchants.empty()) merchant_no = merchants.front().no();
    });
    if (merchant_no == 0) {
        pb::Command command = system_command();
        auto& merchant = *mutable_body(command, pb::create_merchant);
        merchant.set_name("Kontor Demo Shop");
        merchant.set_default_currency("eur");
        KONTOR_CHECK(node.submit_and_wait(std::move(command), [&](const machine::Answer& answer) {
            merchant_no = object_in(answer.result, pb::merchant).no();
        }));
    }
    const std::string key = "sk_test_" + crypto::random_token(24);
    pb::Command command = system_command();
    auto& api_key = *mutable_body(command, pb::create_api_key);
    api_key.set_merchant_no(merchant_no);
    api_key.set_key_sha256(crypto::sha256(key));
    api_key.set_name("kontor dev");
    api_key.set_hint("sk_test_…" + key.substr(key.size() - 4));
    std::uint32_t outcome = machine::outcome::ok;
    KONTOR_CHECK(node.submit_and_wait(
        std::move(command), [&](const machine::Answer& answer) { outcome = answer.result.outcome(); }));
    if (outcome != machine::outcome::ok) return fail(ErrorCode::internal, "the test key was refused");
    return key;
}

bool key_works(const node::Node& node, const std::string& key) {
    bool works = false;
    node.read([&](const store::Reader& rows, std::uint64_t) {
        const auto found = keys::find_api_key(rows, crypto::sha256(key));
        works = found && found->revoked_ms() == 0;
    });
    return works;
}

class Performance {
 public:
    Performance(Appliance& appliance, WebhookReceiver& receiver, const ApiClient& api, const Output& output)
        : appliance_(appliance), receiver_(receiver), api_(api), output_(output) {}

    Result<void> run() {
        KONTOR_CHECK(confirm_wallet_payment());
        KONTOR_CHECK(confirm_card_payment());
        KONTOR_CHECK(balance_ledger());
        KONTOR_CHECK(await_webhook());
        KONTOR_CHECK(refund());
        return balance_ledger();
    }

 private:
    Result<void> confirm_wallet_payment() {
        KONTOR_TRY(const auto customer,
                   api_.post("/v1/customers", {{"name", "Ada Lovelace"}, {"email", "ada@example.com"}}));
        const std::string customer_id = customer.value("id", "");
        KONTOR_CHECK(drop(api_.post("/v1/test_helpers/customers/" + customer_id + "/fund_cash_balance",
                                    {{"amount", std::to_string(kTopUpMinor)}, {"currency", "eur"}})));
        output_.step("✓ wallet of " + customer_id + " topped up with " + display(kTopUpMinor),
                     Json{{"event", "wallet_topped_up"},
                          {"customer", customer_id},
                          {"amount", kTopUpMinor},
                          {"currency", "eur"}});
        KONTOR_TRY(const auto payment,
                   api_.post("/v1/payment_intents", {{"amount", std::to_string(kWalletPaymentMinor)},
                                                     {"currency", "eur"},
                                                     {"customer", customer_id},
                                                     {"payment_method", "pm_wallet"},
                                                     {"payment_method_types[0]", "wallet"},
                                                     {"description", "Coffee beans"},
                                                     {"confirm", "true"}}));
        return confirmed(payment, "wallet", kWalletPaymentMinor);
    }

    Result<void> confirm_card_payment() {
        KONTOR_TRY(const auto payment,
                   api_.post("/v1/payment_intents", {{"amount", std::to_string(kCardPaymentMinor)},
                                                     {"currency", "eur"},
                                                     {"payment_method", "pm_card_visa"},
                                                     {"payment_method_types[0]", "card"},
                                                     {"description", "Espresso cups"},
                                                     {"confirm", "true"}}));
        card_payment_id_ = payment.value("id", "");
        return confirmed(payment, "card", kCardPaymentMinor);
    }

    Result<void> confirmed(const nlohmann::json& payment, const std::string& method,
                           std::int64_t amount) const {
        const std::string id = payment.value("id", "");
        const std::string status = payment.value("status", "");
        if (status != "succeeded")
            return fail(ErrorCode::internal, "payment " + id + " is " + status + ", not succeeded");
        output_.step("✓ payment " + id + " over " + display(amount) + " confirmed (" + method + ")",
                     Json{{"event", "payment_confirmed"},
                          {"id", id},
                          {"method", method},
                          {"amount", amount},
                          {"currency", "eur"}});
        return {};
    }

    Result<void> balance_ledger() const {
        const Verification verification = verify_node(appliance_.node(), system_clock());
        if (!verification.holds()) return fail(ErrorCode::corruption, to_text(verification));
        output_.step("✓ ledger balanced: debits equal credits over " +
                         std::to_string(verification.ledger.accounts) + " accounts, recomputed from " +
                         std::to_string(verification.ledger.transfers) + " transfers",
                     Json{{"event", "ledger_balanced"},
                          {"accounts", verification.ledger.accounts},
                          {"transfers", verification.ledger.transfers}});
        return {};
    }

    Result<void> await_webhook() {
        const auto delivered =
            receiver_.wait_for("payment_intent.succeeded", card_payment_id_, kWebhookWaitMs);
        if (!delivered) return fail(ErrorCode::timeout, "no webhook about " + card_payment_id_ + " came in");
        if (!delivered->verified) return fail(ErrorCode::internal, "the webhook's signature did not verify");
        output_.step(
            "✓ webhook " + delivered->event_id + " (payment_intent.succeeded) delivered and verified",
            Json{{"event", "webhook_delivered"}, {"id", delivered->event_id}, {"verified", true}});
        return {};
    }

    Result<void> refund() const {
        KONTOR_TRY(const auto refund, api_.post("/v1/refunds", {{"payment_intent", card_payment_id_},
                                                                {"amount", std::to_string(kRefundMinor)}}));
        const std::string id = refund.value("id", "");
        if (refund.value("status", "") != "succeeded")
            return fail(ErrorCode::internal, "refund " + id + " did not succeed");
        output_.step(
            "✓ refund " + id + " over " + display(kRefundMinor) + " done",
            Json{{"event", "refund_done"}, {"id", id}, {"amount", kRefundMinor}, {"currency", "eur"}});
        return {};
    }

    static Result<void> drop(Result<nlohmann::json> answer) {
        if (!answer) return Unexpected{std::move(answer).error()};
        return {};
    }

    Appliance& appliance_;
    WebhookReceiver& receiver_;
    const ApiClient& api_;
    const Output& output_;
    std::string card_payment_id_;
};

// The folder of this run; an ephemeral one disappears with the object.
class DevFolder {
 public:
    static Result<DevFolder> make(const DevArguments& arguments) {
        DevFolder folder;
        if (arguments.ephemeral) {
            std::string pattern = (std::filesystem::temp_directory_path() / "kontor-dev-XXXXXX").string();
            if (::mkdtemp(pattern.data()) == nullptr)
                return fail(errno_error("make a temporary folder", errno));
            folder.path_ = pattern;
            folder.remove_ = true;
        } else {
            std::error_code ec;
            std::filesystem::create_directories(arguments.data_folder, ec);
            if (ec) return fail(ErrorCode::io, "cannot make " + arguments.data_folder + ": " + ec.message());
            // Ledger and keys are inside: for this user only.
            std::filesystem::permissions(arguments.data_folder, std::filesystem::perms::owner_all, ec);
            if (ec)
                return fail(ErrorCode::io, "cannot protect " + arguments.data_folder + ": " + ec.message());
            folder.path_ = std::filesystem::absolute(arguments.data_folder).lexically_normal().string();
        }
        return folder;
    }
    DevFolder(DevFolder&& other) noexcept
        : path_(std::move(other.path_)), remove_(std::exchange(other.remove_, false)) {}
    DevFolder& operator=(DevFolder&&) = delete;
    ~DevFolder() {
        std::error_code ec;
        if (remove_) std::filesystem::remove_all(path_, ec);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    DevFolder() = default;
    std::string path_;
    bool remove_ = false;
};

Settings dev_settings(const DevArguments& arguments) {
    Settings settings;
    settings.data_folder = arguments.ephemeral ? "" : arguments.data_folder;
    settings.https_port = arguments.port;
    settings.webhooks_allow_private_addresses = true;
    settings.log_level = "warning";
    return settings;
}

class DevRun {
 public:
    DevRun(const DevArguments& arguments, const Settings& settings, const Output& output)
        : arguments_(arguments), settings_(settings), output_(output) {}

    Result<void> run() {
        KONTOR_TRY(auto made, DevFolder::make(arguments_));
        const DevFolder& folder = folder_.emplace(std::move(made));
        KONTOR_CHECK(start(folder.path()));
        KONTOR_TRY(auto control,
                   start_control(folder.path(), *appliance_, [this] { return shall_stop_.load(); }));
        if (!has_no_room() && !arguments_.serve_only)
            KONTOR_CHECK(Performance(*appliance_, *receiver_, *api_, output_).run());
        KONTOR_CHECK(announce());
        if (!arguments_.exit_after_demo) {
            output_.text("\nServing. Ctrl-C stops.");
            wait_for_shutdown_signal();
        }
        shall_stop_.store(true);
        shorten_shortage_waits();
        control.reset();
        appliance_->stop();
        output_.step("Stopped; nothing was lost.", Json{{"event", "stopped"}});
        return {};
    }

 private:
    // Then what is there can be looked at, as with `kontor serve`; a new folder needs writes.
    [[nodiscard]] bool has_no_room() const { return !appliance_->node().full_disk().empty(); }

    Result<void> start(const std::string& folder) {
        ApplianceOptions options;
        options.settings = settings_;
        options.settings.data_folder = folder;
        KONTOR_TRY(options.secrets_key, dev_secrets_key(arguments_));
        options.dev = true;
        if (!arguments_.ephemeral) {
            options.marker = marker_path(options.settings);
            // People who try things delete the folder to begin anew.
            if (!holds_data(folder)) std::filesystem::remove(options.marker);
        }
        options.clock = &system_clock();
        options.shall_stop = [this] { return shall_stop_.load(); };
        options.on_fatal = [](const Error& error) {
            std::fprintf(stderr, "kontor dev: %s\n", error.describe().c_str());
            ::_exit(3);
        };
        store::end_at_damaged_file(options.on_fatal);
        KONTOR_TRY(const auto tls, ensure_private_certificate(
                                       folder + "/tls", {"localhost", "127.0.0.1", "::1"}, system_clock()));
        KONTOR_TRY(receiver_, WebhookReceiver::start(tls.identity, system_clock()));
        options.extra_trusted_ca_pem = tls.ca_pem;
        KONTOR_TRY(appliance_, Appliance::start(std::move(options)));
        http::ClientOptions client_options;
        client_options.ca_pem = tls.ca_pem;
        client_ = http::Client::make(client_options);
        return prepare_merchant(folder + "/dev.json");
    }

    Result<void> prepare_merchant(const std::string& notes_file) {
        DevNotes notes = load_notes(notes_file);
        if (notes.test_key.empty() || !key_works(appliance_->node(), notes.test_key)) {
            notes = DevNotes{};
            KONTOR_TRY(notes.test_key, make_test_key(appliance_->node()));
        }
        test_key_ = notes.test_key;
        api_ = std::make_unique<ApiClient>(*client_, appliance_->url(), test_key_);
        if (!settings_.webhooks_allow_private_addresses) return {};  // nothing would reach it
        if (has_no_room()) return {};  // the endpoint leads to the receiver of the run before
        if (!notes.endpoint_id.empty() &&
            api_->post("/v1/webhook_endpoints/" + notes.endpoint_id, {{"url", receiver_->url()}})) {
            receiver_->set_secret(crypto::Secret(notes.webhook_secret));
            return {};
        }
        KONTOR_TRY(const auto endpoint, api_->post("/v1/webhook_endpoints",
                                                   {{"url", receiver_->url()}, {"enabled_events[0]", "*"}}));
        notes.endpoint_id = endpoint.value("id", "");
        notes.webhook_secret = endpoint.value("secret", "");
        receiver_->set_secret(crypto::Secret(notes.webhook_secret));
        return save_notes(notes_file, notes);
    }

    Result<void> announce() {
        KONTOR_TRY(const std::string admin_url, appliance_->admin_link());
        Json ready{{"event", "ready"},
                   {"url", appliance_->url()},
                   {"ca_file", appliance_->ca_file()},
                   {"test_key", test_key_},
                   {"admin_url", admin_url}};
        if (has_no_room()) ready["refuses_writes"] = appliance_->node().full_disk();
        output_.event(ready);
        output_.text("\n" + where_it_is(*appliance_));
        output_.text("\n  Test API key   " + test_key_);
        output_.text("  Try            curl --cacert " + appliance_->ca_file() + " -u " + test_key_ + ": " +
                     appliance_->url() +
                     "/v1/payment_intents -d amount=1999 -d currency=eur -d payment_method=pm_card_visa -d "
                     "confirm=true");
        output_.text("  Admin          " + admin_url);
        return {};
    }

    const DevArguments& arguments_;
    const Settings& settings_;
    const Output& output_;
    std::atomic<bool> shall_stop_{false};
    std::optional<DevFolder> folder_;            // first: an ephemeral one goes when nobody writes any more
    std::unique_ptr<WebhookReceiver> receiver_;  // outlives the appliance, which delivers to it
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<Appliance> appliance_;
    std::unique_ptr<ApiClient> api_;
    std::string test_key_;
};

}  // namespace

int run_dev(const DevArguments& arguments) {
    block_signals();
    const Output output(arguments.json);
    const CheckedSettings checked = check_configuration({"", {}, arguments.assignments}, Purpose::dev,
                                                        system_clock(), dev_settings(arguments));
    if (!report(checked, output)) {
        std::fprintf(stderr, "kontor dev: the settings have problems; nothing was started\n");
        return checked.may_pass() ? 1 : 2;  // a port that is taken is no mistake in what was typed
    }
    DevRun run(arguments, checked.settings, output);
    if (auto done = run.run(); !done) {
        std::fprintf(stderr, "kontor dev: %s\n", done.error().describe().c_str());
        output.event(Json{{"event", "failed"}, {"message", done.error().describe()}});
        return 1;
    }
    return 0;
}

}  // namespace kontor::app
