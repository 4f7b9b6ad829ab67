// `kontor serve`, `kontor config …`, `kontor secrets init`, `kontor setup-link`: the production side.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "appliance.h"
#include "commands.h"
#include "config_check.h"
#include "control.h"
#include "control_handler.h"
#include "data_folder.h"
#include "domains/operators/operators.h"
#include "folder_check.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/base/shortage.h"
#include "kontor/store/damaged_file.h"
#include "output.h"
#include "reload.h"
#include "secrets.h"
#include "shutdown.h"
#include "successor.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

SettingSources sources_of(const std::string& config_file, const std::vector<std::string>& assignments) {
    return SettingSources{config_file, kontor_environment(), assignments};
}

// A port may still be its last owner's, who is ending: nothing is refused for good before this time.
constexpr unsigned kPatienceMs = 3'000, kLookAgainMs = 100;

// A member of a cluster is ready when it has found the others. True: it shall stop instead.
bool wait_until_ready(Appliance& appliance, const Output& output) {
    if (!appliance.cluster().is_member()) return false;
    constexpr unsigned kLookMs = 20, kTellAfterMs = 2'000;
    for (unsigned waited_ms = 0; !appliance.node().ready(); waited_ms += kLookMs) {
        if (waited_ms == kTellAfterMs) {
            output.step("Waiting for the other nodes; 'kontor cluster status' says what is missing.",
                        Json{{"event", "waiting"}});
        }
        if (shutdown_signal_within(kLookMs)) return true;
    }
    return false;
}

Result<void> announce(Appliance& appliance, const Output& output) {
    const node::Node& node = appliance.node();
    const std::string full = node.full_disk();
    Json ready{{"event", "ready"}, {"url", appliance.url()}, {"ca_file", appliance.ca_file()}};
    if (!full.empty()) ready["refuses_writes"] = full;
    output.text(where_it_is(appliance));
    bool is_set_up = true;  // or the leader says how
    if (!appliance.cluster().is_member() || node.leads())
        node.read(
            [&](const store::Reader& rows, std::uint64_t) { is_set_up = operators::has_operator(rows); });
    if (!is_set_up && full.empty()) {
        KONTOR_TRY(const std::string link, appliance.admin_link());
        ready["admin_url"] = link;
        output.text("Nobody has set it up yet. Open this one-time link within 24 hours:\n  " + link +
                    "\nLater, 'kontor setup-link' makes a new one.");
    } else if (!is_set_up) {
        output.text(
            "Nobody has set it up yet: when there is room, 'kontor setup-link' makes a one-time link.");
    }
    output.event(ready);
    return {};
}

// While the start goes on, however long: says so, and hears signals. A start may be cut short at any moment,
// as by a power cut: one that does not hear that it shall stop is ended.
class StartWatch {
 public:
    StartWatch(const Output& output, std::atomic<bool>& shall_stop)
        : output_(output), shall_stop_(shall_stop), thread_([this] { run(); }) {}
    ~StartWatch() {
        is_over_.store(true);
        thread_.join();
    }
    StartWatch(const StartWatch&) = delete;
    StartWatch& operator=(const StartWatch&) = delete;

 private:
    void run() {
        constexpr unsigned kLookMs = 20, kTellAfterMs = 3'000, kStopWithinMs = 3'000;
        for (unsigned waited_ms = 0, asked_ms = 0; !is_over_.load(); waited_ms += kLookMs) {
            if (waited_ms == kTellAfterMs)
                output_.step("Starting: reading the state and the log …", Json{{"event", "starting"}});
            if (!shall_stop_.load()) {
                if (shutdown_signal_within(kLookMs)) shall_stop_.store(true);
                continue;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(kLookMs));
            if ((asked_ms += kLookMs) < kStopWithinMs) continue;
            output_.step("Stopped during the start; nothing was lost.", Json{{"event", "stopped"}});
            std::fflush(stdout);
            ::_exit(0);
        }
    }

    const Output& output_;
    std::atomic<bool>& shall_stop_;
    std::atomic<bool> is_over_{false};
    std::thread thread_;
};

// Nothing: a signal came meanwhile.
std::optional<CheckedSettings> check_with_patience(const SettingSources& sources,
                                                   const std::atomic<bool>& shall_stop) {
    for (unsigned waited_ms = 0;; waited_ms += kLookAgainMs) {
        CheckedSettings checked = check_configuration(sources, Purpose::serve, system_clock());
        if (shall_stop.load()) return std::nullopt;
        if (!checked.may_pass() || waited_ms >= kPatienceMs) return checked;
        std::this_thread::sleep_for(std::chrono::milliseconds(kLookAgainMs));
    }
}

// Trying again changes nothing about these: the folder, the key or the settings are not what they should be,
// or the others have taken this node out. What is damaged while it runs may be a disk's passing trouble.
bool is_final(ErrorCode code, bool is_ready) {
    if (code == ErrorCode::permission_denied || code == ErrorCode::conflict) return true;
    return !is_ready && (code == ErrorCode::invalid_argument || code == ErrorCode::corruption);
}

// What other threads ask of the one that serves.
struct RestartWish {
    std::atomic<bool> is_asked{false};
    std::atomic<std::uint64_t> drain_ms{0};
};

// True: the node shall start again; false: a signal says that it shall end.
bool wait_for_end_or_restart(const RestartWish& wish, Reloader& reloader) {
    constexpr unsigned kLookMs = 50;
    while (!wish.is_asked.load()) {
        if (shutdown_signal_within(kLookMs)) return false;
        if (hangup_came()) reloader.run();
    }
    return true;
}

// Before the port closes load balancers shall have looked at /readyz. A second signal ends it at once.
void drain_before_the_end(Appliance& appliance, std::int64_t drain_ms, const Output& output) {
    if (drain_ms == 0) return;
    output.step("Draining: clients are sent elsewhere …", Json{{"event", "draining"}});
    appliance.drain();
    std::this_thread::sleep_for(std::chrono::milliseconds(drain_ms));
}

// True: this process shall become the binary on disk.
Result<bool> serve(const SettingSources& sources, const Settings& settings, std::optional<StartWatch>& watch,
                   std::atomic<bool>& shall_stop, const Output& output) {
    RestartWish restart;
    ApplianceOptions options;
    options.settings = settings;
    KONTOR_TRY(options.secrets_key, load_secrets_key(settings.secrets_key_file, settings.data_folder));
    options.clock = &system_clock();
    options.marker = marker_path(settings);
    // Before it is ready this is a start that fails: what no other try cures is not tried again.
    const auto is_ready = std::make_shared<std::atomic<bool>>(false);
    options.on_fatal = [is_ready, settings, marker = options.marker](const Error& error) {
        if (error.code == ErrorCode::corruption)
            std::fprintf(stderr, "kontor serve: %s\n", with_cure(error, settings, marker).describe().c_str());
        ::_exit(is_final(error.code, is_ready->load()) ? 2 : 3);
    };
    store::end_at_damaged_file(options.on_fatal);
    options.next_version = successor_version;
    options.on_restart = [&restart](std::uint64_t drain_ms) {
        restart.drain_ms.store(drain_ms);
        restart.is_asked.store(true);
    };
    options.tell = [&output](const std::string& line) {
        output.step(line, Json{{"event", "progress"}, {"what", line}});
    };
    std::unique_ptr<ControlServer> joining_control;
    options.on_joining = [&](cluster::Cluster* joining) {
        joining_control.reset();
        if (joining == nullptr) return;
        auto control = start_joining_control(settings.data_folder, *joining);
        if (control) joining_control = *std::move(control);  // without it, it joins all the same
    };
    options.shall_stop = [&shall_stop] { return shall_stop.load(); };
    auto started = Appliance::start(std::move(options));
    watch.reset();
    const bool asked_to_stop = shall_stop.load();
    if (!started && asked_to_stop) {
        output.step("Stopped; the copy of the state goes on at the next start.", Json{{"event", "stopped"}});
        return false;
    }
    KONTOR_TRY(auto appliance, std::move(started));
    KONTOR_TRY(auto control,
               start_control(settings.data_folder, *appliance, [&shall_stop] { return shall_stop.load(); }));
    bool stopping = asked_to_stop || wait_until_ready(*appliance, output);
    is_ready->store(true);
    if (!stopping) KONTOR_CHECK(announce(*appliance, output));
    Reloader reloader(sources, settings, *appliance);
    bool again = !stopping && wait_for_end_or_restart(restart, reloader);
    shall_stop.store(true);
    if (again) {
        output.step("Draining, to start again: clients are sent elsewhere …", Json{{"event", "draining"}});
        appliance->drain();
        again = !shutdown_signal_within(static_cast<unsigned>(restart.drain_ms.load()));
    } else if (!stopping) {
        drain_before_the_end(*appliance, reloader.settings().https_drain_ms, output);
    }
    output.text("Stopping: finishing what is in flight, then a checkpoint …");
    shorten_shortage_waits();
    control.reset();
    appliance->stop();
    appliance.reset();
    output.step(again ? "Stopped; starting again." : "Stopped; nothing was lost.",
                Json{{"event", "stopped"}, {"again", again}});
    return again;
}

}  // namespace

// Where a node's data lies, from --data or from its configuration.
Result<std::string> data_folder_of(const VerifyArguments& arguments) {
    if (!arguments.data_folder.empty()) return arguments.data_folder;
    Settings settings;
    const auto problems = load_settings(sources_of(arguments.config_file, {}), settings);
    if (!problems.empty())
        return fail(ErrorCode::invalid_argument, problems.front().where + ": " + problems.front().what);
    KONTOR_CHECK(check_configured_key(settings.secrets_key_file, settings.data_folder));
    return settings.data_folder;
}

int run_serve(const ServeArguments& arguments) {
    block_signals();
    want_hangups();
    const Output output(arguments.json);
    const SettingSources sources = sources_of(arguments.config_file, arguments.assignments);
    std::atomic<bool> shall_stop{false};  // outlives all that ask it
    std::optional<StartWatch> watch(std::in_place, output, shall_stop);
    const auto checked = check_with_patience(sources, shall_stop);
    if (!checked) return 0;
    if (!report(*checked, output)) {
        std::fprintf(stderr, "kontor serve: the configuration has problems; nothing was started\n");
        return 2;
    }
    use_log_level(checked->settings);
    auto again = serve(sources, checked->settings, watch, shall_stop, output);
    watch.reset();
    if (again && !*again) return 0;
    const Error error = again ? become_successor() : again.error();
    std::fprintf(stderr, "kontor serve: %s\n", error.describe().c_str());
    output.event(Json{{"event", "failed"}, {"message", error.describe()}});
    return !again && is_final(error.code, false) ? 2 : 1;
}

int run_config_check(const ServeArguments& arguments) {
    const Output output(arguments.json);
    const SettingSources sources = sources_of(arguments.config_file, arguments.assignments);
    store::end_at_damaged_file([&sources](const Error& error) {
        Settings settings;
        (void)load_settings(sources, settings);
        std::fprintf(stderr, "kontor config check: %s\n",
                     with_cure(error, settings, marker_path(settings)).describe().c_str());
        ::_exit(2);
    });
    if (!report(check_configuration(sources, Purpose::look, system_clock()), output)) return 2;
    output.step("The configuration is good.", Json{{"event", "config_good"}});
    return 0;
}

int run_config_example() {
    std::fputs(example_file().c_str(), stdout);
    return 0;
}

int run_secrets_init(const std::string& key_file) {
    if (auto made = make_secrets_key(key_file); !made) {
        std::fprintf(stderr, "kontor secrets init: %s\n", made.error().describe().c_str());
        return 1;
    }
    std::printf(
        "Made %s. Back it up apart from the data folder: without it, sealed secrets cannot be read.\n",
        key_file.c_str());
    return 0;
}

int run_setup_link(const SetupLinkArguments& arguments) {
    const Output output(arguments.node.json);
    const auto folder = data_folder_of(arguments.node);
    const Json request{{"command", "setup-link"}, {"operator", arguments.operator_name}};
    const auto answer = folder ? control_call(control_path(*folder),
                                              request.dump(-1, ' ', false, Json::error_handler_t::replace))
                               : folder;
    if (!answer) {
        std::fprintf(stderr, "kontor setup-link: %s\n", answer.error().describe().c_str());
        return folder ? 1 : 2;
    }
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.is_object() || !json.contains("admin_url")) {
        std::fprintf(stderr, "kontor setup-link: %s\n",
                     json.is_object() ? json.value("error", "").c_str() : "no answer");
        return 1;
    }
    output.step(json.value("admin_url", ""),
                Json{{"event", "setup_link"}, {"admin_url", json.value("admin_url", "")}});
    return 0;
}

}  // namespace kontor::app
