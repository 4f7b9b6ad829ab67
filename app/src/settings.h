#pragma once
// Every setting of `kontor serve`, declared once: key, type, default, bounds, description, example. From this
// table come validation, the commented example file, the environment's names, the flags and the
// documentation.
//
// Precedence: file < environment (KONTOR_HTTPS_PORT) < flags (--set https.port=8443).
// Errors: load() names every problem at once, each with its line or source.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

struct Settings {
    std::string data_folder = "/var/lib/kontor";
    std::int64_t partitions = 8;

    std::string https_address = "127.0.0.1";
    std::int64_t https_port = 8443;
    std::int64_t https_threads = 0;
    std::string https_certificate_file;
    std::string https_private_key_file;
    std::string https_names = "localhost,127.0.0.1,::1";
    std::int64_t https_max_connections = 10'000;
    std::int64_t https_max_body_kib = 4'096;
    std::int64_t https_idle_timeout_s = 75;
    std::int64_t https_header_timeout_s = 10;

    std::string secrets_key_file = "/etc/kontor/secrets.key";

    std::int64_t cache_mib = 0;
    std::int64_t memtable_mib = 0;
    std::int64_t redo_mib = 2'048;
    std::int64_t checkpoint_interval_s = 5;
    std::int64_t log_max_mib = 1'024;
    std::int64_t queue_max_mib = 64;

    std::string cluster_name;
    std::string cluster_address;
    std::int64_t cluster_port = 8444;
    std::string cluster_listen_address = "0.0.0.0";
    std::string cluster_api_url;
    std::int64_t cluster_election_timeout_ms = 500;
    std::int64_t cluster_heartbeat_ms = 80;
    std::int64_t cluster_max_staleness_ms = 5'000;
    bool cluster_balance_reads = true;
    std::int64_t cluster_copy_max_mib_s = 0;

    bool sandbox_enabled = true;
    bool webhooks_allow_http = false;
    bool webhooks_allow_private_addresses = false;
    std::int64_t webhooks_timeout_s = 20;

    std::string log_level = "info";
};

// One row of the table.
struct Setting {
    std::string_view key;  // "https.port"
    std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*> field;
    std::int64_t min = 0, max = 0;  // integers
    std::string_view choices;       // strings: "debug|info", "" for any
    bool required = false;          // strings: must not be empty
    std::string_view description;   // one or two sentences
};
[[nodiscard]] const std::vector<Setting>& setting_table();

struct Problem {
    std::string where;  // "kontor.toml:12", "environment KONTOR_X", "--set x"
    std::string what;
};

struct SettingSources {
    std::string file;                                              // "" : none
    std::vector<std::pair<std::string, std::string>> environment;  // only names with the prefix KONTOR_
    std::vector<std::string> assignments;                          // "key=value" of flags
};
// All problems of all sources; `settings` is usable only when it is empty.
[[nodiscard]] std::vector<Problem> load_settings(const SettingSources& sources, Settings& settings);
// The KONTOR_ variables of this process.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> kontor_environment();
// The commented TOML file that the package installs: every key with its default.
[[nodiscard]] std::string example_file();
[[nodiscard]] std::string environment_name(std::string_view key);  // "https.port" -> "KONTOR_HTTPS_PORT"

}  // namespace kontor::app
