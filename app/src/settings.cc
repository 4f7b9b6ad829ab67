#include "settings.h"

#include <algorithm>
#include <charconv>
#include <type_traits>

#include "settings_file.h"

#include "descriptors.h"

extern char** environ;

namespace kontor::app {
namespace {

constexpr std::string_view kPrefix = "KONTOR_";
// Set by test runners and scripts; they are not settings.
constexpr std::string_view kNotSettings[] = {"KONTOR_BINARY", "KONTOR_URL",  "KONTOR_KEY",
                                             "KONTOR_CA",     "KONTOR_SEED", "KONTOR_FIRST_SEED"};

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::string kind_of(const Setting& setting) {
    if (std::holds_alternative<std::int64_t Settings::*>(setting.field)) return "a whole number";
    if (std::holds_alternative<bool Settings::*>(setting.field)) return "true or false";
    return "a text in quotes";
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

}  // namespace

const Setting* find_setting(std::string_view key) {
    const auto& table = setting_table();
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const Setting& s) { return s.key == key; });
    return found == table.end() ? nullptr : &*found;
}

std::string unknown_setting(std::string_view key) {
    const Setting* best = nullptr;
    std::size_t best_distance = 4;  // further away is no typing error
    for (const Setting& setting : setting_table()) {
        const std::size_t d = distance(key, setting.key);
        if (d < best_distance) {
            best_distance = d;
            best = &setting;
        }
    }
    std::string what = "there is no setting " + quoted(key);
    if (best != nullptr) what += "; did you mean " + quoted(best->key) + "?";
    return what;
}

std::string wrong_kind(const Setting& setting) {
    return quoted(setting.key) + " must be " + kind_of(setting);
}

std::string assign(const Setting& setting, Settings& settings, std::int64_t value) {
    const auto* field = std::get_if<std::int64_t Settings::*>(&setting.field);
    if (field == nullptr) return wrong_kind(setting);
    if (value < setting.min || value > setting.max)
        return quoted(setting.key) + " must be from " + std::to_string(setting.min) + " to " +
               std::to_string(setting.max) + ", not " + std::to_string(value);
    settings.*(*field) = value;
    return {};
}
std::string assign(const Setting& setting, Settings& settings, bool value) {
    const auto* field = std::get_if<bool Settings::*>(&setting.field);
    if (field == nullptr) return wrong_kind(setting);
    settings.*(*field) = value;
    return {};
}
std::string assign(const Setting& setting, Settings& settings, const std::string& value) {
    const auto* field = std::get_if<std::string Settings::*>(&setting.field);
    if (field == nullptr) return wrong_kind(setting);
    if (setting.required && value.empty()) return quoted(setting.key) + " must not be empty";
    // A path would end at a zero byte, and a line of the log at a line feed.
    if (std::any_of(value.begin(), value.end(), is_control))
        return quoted(setting.key) + " must not hold control characters";
    if (!setting.choices.empty()) {
        const std::string choices = "|" + std::string(setting.choices) + "|";
        if (value.find('|') != std::string::npos || choices.find("|" + value + "|") == std::string::npos)
            return quoted(setting.key) + " must be one of " + std::string(setting.choices) + ", not " +
                   quoted(value);
    }
    settings.*(*field) = value;
    return {};
}

namespace {

std::string assign_text(const Setting& setting, Settings& settings, const std::string& text) {
    if (std::holds_alternative<std::string Settings::*>(setting.field))
        return assign(setting, settings, text);
    if (std::holds_alternative<bool Settings::*>(setting.field)) {
        if (text != "true" && text != "false")
            return quoted(setting.key) + " must be true or false, not " + quoted(text);
        return assign(setting, settings, text == "true");
    }
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size())
        return quoted(setting.key) + " must be a whole number, not " + quoted(text);
    return assign(setting, settings, value);
}

// What container platforms put into every container for a service or a link that happens to be called kontor
// or kontor-https: Kubernetes KONTOR_HTTPS_PORT=tcp://10.0.0.1:443, Docker KONTOR_CLUSTER_NAME=/app/db.
bool is_service_link(std::string_view name, std::string_view value) {
    const auto scheme = value.find("://");
    if (name.ends_with("_PORT") && scheme != std::string_view::npos) return true;
    return name.ends_with("_NAME") && value.starts_with('/');
}

void load_environment(const std::vector<std::pair<std::string, std::string>>& environment, Settings& settings,
                      std::vector<Problem>& problems, LoadNotes& notes) {
    for (const auto& [name, value] : environment) {
        const auto& table = setting_table();
        const auto found = std::find_if(table.begin(), table.end(), [&, &wanted = name](const Setting& s) {
            return environment_name(s.key) == wanted;
        });
        const std::string where = "environment " + name;
        if (is_service_link(name, value)) {
            notes.warnings.push_back({where, "ignored: a link that a container platform made, no setting"});
            continue;
        }
        if (found == table.end()) {
            notes.warnings.push_back(
                {where, "ignored: there is no such setting; see 'kontor config example'"});
            continue;
        }
        const std::string what = assign_text(*found, settings, value);
        notes.origins.insert_or_assign(std::string(found->key), where);
        if (!what.empty()) problems.push_back({where, what, std::string(found->key)});
    }
}

// What no single key can say.
void check_together(const Settings& settings, const LoadNotes& notes, std::vector<Problem>& problems) {
    const bool has_certificate = !settings.https_certificate_file.empty();
    if (has_certificate != !settings.https_private_key_file.empty()) {
        const char* const set = has_certificate ? "https.certificate_file" : "https.private_key_file";
        problems.push_back({notes.where(set),
                            "https.certificate_file and https.private_key_file go together: set both, or "
                            "neither",
                            set});
    }
    if (const auto plan = plan_descriptors(settings, descriptor_limit()); !plan)
        problems.push_back(
            {notes.where("https.max_connections"), plan.error().message, "https.max_connections"});
    if (settings.cluster_election_timeout_ms < 2 * settings.cluster_heartbeat_ms) {
        const char* const set =
            notes.is_set("cluster.heartbeat_ms") ? "cluster.heartbeat_ms" : "cluster.election_timeout_ms";
        problems.push_back({notes.where(set),
                            "cluster.election_timeout_ms must be at least twice cluster.heartbeat_ms, or "
                            "nodes lose a healthy leader",
                            set});
    }
}

}  // namespace

const std::vector<Setting>& setting_table() {
    static const std::vector<Setting> table{
        {"data.folder", &Settings::data_folder, 0, 0, "", true,
         "Where the ledger, its log and its reports live. Put it on a disk that honours fsync."},
        {"data.marker", &Settings::data_marker, 0, 0, "", false,
         "A small file that stays when the data folder is put back from a copy: it remembers how far this "
         "node "
         "was, so that an older folder is noticed. Empty: beside the data folder, with '.mark' at the end; "
         "for "
         "/var/lib/kontor, /var/lib/kontor-state/node.mark."},
        {"data.partitions", &Settings::partitions, 1, 64, "", false,
         "How many LMDB environments share the state. Chosen when the folder is made; it cannot be changed "
         "later."},
        {"data.min_free_mib", &Settings::min_free_mib, 0, 1'048'576, "", false,
         "Room to keep on the disk, in MiB. With less, writes are refused with status 503 and reads go on, "
         "until "
         "there is room again. 0: what a checkpoint and a part of the log may take, an eighth of the disk at "
         "most."},
        {"https.address", &Settings::https_address, 0, 0, "", true,
         "The address to listen on. 127.0.0.1 reaches this machine only; 0.0.0.0 or :: reaches all of its "
         "networks."},
        {"https.port", &Settings::https_port, 1, 65535, "", false, "The port of API and admin UI."},
        {"https.threads", &Settings::https_threads, 0, 256, "", false, "Network threads. 0: one a core."},
        {"https.certificate_file", &Settings::https_certificate_file, 0, 0, "", false,
         "Certificate chain in PEM, read again when it changes. Empty: a private CA is made in the data "
         "folder "
         "and signs a certificate for https.names and for what https.address and cluster.address say.",
         true},
        {"https.private_key_file", &Settings::https_private_key_file, 0, 0, "", false,
         "Its private key in PEM.", true},
        {"https.names", &Settings::https_names, 0, 0, "", true,
         "DNS names and addresses for the certificate that Kontor makes itself, separated by commas. When "
         "set, a certificate file must be valid for them too.",
         true},
        {"https.max_connections", &Settings::https_max_connections, 0, 1'000'000, "", false,
         "Connections at once. Above, the one that has been idle longest makes room. 0: as many as open "
         "files (RLIMIT_NOFILE) and a sixteenth of the memory allow, up to 10000."},
        {"https.max_connections_per_address", &Settings::https_max_connections_per_address, 0, 1'000'000, "",
         false, "The same for one client address, or one /64 of IPv6. 0: a quarter of max_connections."},
        {"https.max_handshakes_per_s", &Settings::https_max_handshakes_per_s, 0, 1'000'000, "", false,
         "TLS handshakes begun a second; those above wait for their turn. 0: 1000 a network thread."},
        {"https.max_handshakes_per_s_per_address", &Settings::https_max_handshakes_per_s_per_address, 0,
         1'000'000, "", false, "The same for one client address. 0: half of max_handshakes_per_s."},
        {"https.max_body_kib", &Settings::https_max_body_kib, 1, 65'536, "", false,
         "The largest request body, in KiB. Above: status 413."},
        {"https.max_request_mib", &Settings::https_max_request_mib, 0, 65'536, "", false,
         "Memory for all request bodies that are on their way, in MiB; half of it for one key or one "
         "address. Above: status 503, or 429 for its own share. At least two bodies of max_body_kib. 0: a "
         "sixteenth of the machine's memory, or of what its control group allows; 8 to 256."},
        {"https.max_answer_mib", &Settings::https_max_answer_mib, 0, 65'536, "", false,
         "Memory for all answers that slow clients do not take, in MiB; half of it for one key or one "
         "address. Above, the connection is cut. 0: as for max_request_mib."},
        {"https.idle_timeout_s", &Settings::https_idle_timeout_s, 1, 3'600, "", false,
         "How long a quiet keep-alive connection stays open, in seconds."},
        {"https.header_timeout_s", &Settings::https_header_timeout_s, 1, 600, "", false,
         "How long a client may take to send the head of a request, in seconds. Above: status 408."},
        {"https.drain_ms", &Settings::https_drain_ms, 0, 30'000, "", false,
         "How long /readyz says 503 before the port closes at a stop, in milliseconds, so that load "
         "balancers "
         "send nobody here any more. All that comes meanwhile is answered.",
         true},
        {"https.trusted_proxies", &Settings::https_trusted_proxies, 0, 0, "", false,
         "Addresses and ranges (10.0.0.0/8) of reverse proxies, separated by commas. From them, and from "
         "nobody "
         "else, X-Forwarded-For says whom a request is from.",
         true},
        {"metrics.address", &Settings::metrics_address, 0, 0, "", true,
         "The address that metrics.port listens on."},
        {"metrics.port", &Settings::metrics_port, 0, 65535, "", false,
         "A port of its own for /metrics, with TLS. 0: none; then https.port answers it to programs of this "
         "machine, unless the request came through a proxy."},
        {"limits.per_address", &Settings::limits_per_address, 0, 1'000'000, "", false,
         "Requests a second of one client address (an IPv6 network of 64 bits), whatever its key; twice as "
         "many at once. 0: no limit. Above, as for all limits of this section: status 429."},
        {"limits.wrong_keys", &Settings::limits_wrong_keys, 0, 1'000'000, "", false,
         "Requests a second of one client address without a key that is known. 0: no limit."},
        {"limits.per_key", &Settings::limits_per_key, 0, 1'000'000, "", false,
         "Requests a second of one API key. 0: no limit."},
        {"limits.per_merchant", &Settings::limits_per_merchant, 0, 1'000'000, "", false,
         "Requests a second of all keys of one merchant. 0: no limit, since commands are taken from "
         "merchants in turn anyway."},
        {"limits.per_route", &Settings::limits_per_route, 0, 1'000'000, "", false,
         "Requests a second of one merchant and mode to one route, such as POST /v1/payment_intents. 0: no "
         "limit."},
        {"limits.expensive_ms", &Settings::limits_expensive_ms, 0, 1'000'000, "", false,
         "Milliseconds of each second that one merchant and mode may have lists, histories and look-ups of "
         "many "
         "ids read; twice as many at once. From 1000 on, who asks for one after the other is never refused. "
         "0: "
         "no limit."},
        {"limits.expensive_at_once", &Settings::limits_expensive_at_once, 0, 256, "", false,
         "Threads for such reads, so many at once in all; merchants take turns. 0: half as many as network "
         "threads, at least one."},
        {"secrets.key_file", &Settings::secrets_key_file, 0, 0, "", true,
         "The key that seals webhook and TOTP secrets: 32 random bytes, made by 'kontor secrets init'. Keep "
         "it out of the data folder and of its backups."},
        {"store.cache_mib", &Settings::cache_mib, 0, 1'048'576, "", false,
         "Memory for accounts and other rows in use, in MiB. It is taken as they come. 0: an eighth of the "
         "machine's, or of what its control group allows."},
        {"store.memtable_mib", &Settings::memtable_mib, 0, 65'536, "", false,
         "Changed rows kept in memory before a checkpoint, in MiB. Twice this may be in use. 0: 96, and on a "
         "small "
         "machine a sixteenth of its memory."},
        {"store.redo_mib", &Settings::redo_mib, 16, 1'048'576, "", false,
         "How large the files may become that hold changed accounts before these are written in order, in "
         "MiB. A start reads them."},
        {"store.checkpoint_interval_s", &Settings::checkpoint_interval_s, 1, 3'600, "", false,
         "The longest time between checkpoints while something changes, in seconds."},
        {"log.max_mib", &Settings::log_max_mib, 64, 1'048'576, "", false,
         "The log's largest size on disk, in MiB. A checkpoint is forced before it is reached."},
        {"queue.max_mib", &Settings::queue_max_mib, 0, 65'536, "", false,
         "Commands that may wait for the log, in MiB. Above: status 429 with Retry-After. 0: a sixteenth of "
         "the machine's memory, or of what its control group allows; 8 to 64."},
        {"cluster.name", &Settings::cluster_name, 0, 0, "", false,
         "What people call this node. Empty: the machine's host name."},
        {"cluster.address", &Settings::cluster_address, 0, 0, "", false,
         "The host name or address by which the other nodes reach this one. Needed for 'kontor cluster init' "
         "and 'join'."},
        {"cluster.port", &Settings::cluster_port, 1, 65535, "", false,
         "The port for the other nodes. It is open only on a member of a cluster, with mutual TLS."},
        {"cluster.listen_address", &Settings::cluster_listen_address, 0, 0, "", true,
         "The address that this port listens on."},
        {"cluster.api_url", &Settings::cluster_api_url, 0, 0, "", false,
         "Where clients reach this node's API, as the others tell it. Empty: https:// with cluster.address "
         "and https.port."},
        {"cluster.election_timeout_ms", &Settings::cluster_election_timeout_ms, 100, 60'000, "", false,
         "How long nodes wait for their leader before they choose another one, in milliseconds. Nodes far "
         "apart need more."},
        {"cluster.heartbeat_ms", &Settings::cluster_heartbeat_ms, 10, 30'000, "", false,
         "How often the leader is heard at least, in milliseconds. At most half of the election time-out."},
        {"cluster.max_staleness_ms", &Settings::cluster_max_staleness_ms, 100, 86'400'000, "", false,
         "A node that has not heard of its leader for longer asks it for each read, in milliseconds."},
        {"cluster.max_clock_skew_ms", &Settings::cluster_max_clock_skew_ms, 100, 60'000, "", false,
         "A node whose wall clock is further off those of the others does not lead while another one can, in "
         "milliseconds."},
        {"cluster.balance_reads", &Settings::cluster_balance_reads, 0, 0, "", false,
         "A busy node lets one with less to do answer reads that cost much, such as lists and histories."},
        {"cluster.copy_max_mib_s", &Settings::cluster_copy_max_mib_s, 0, 100'000, "", false,
         "How fast other nodes may copy the state from this one, in MiB a second. 0: as fast as they can."},
        {"channels.sandbox", &Settings::sandbox_enabled, 0, 0, "", false,
         "The embedded sandbox acquirer for test-mode cards."},
        {"webhooks.allow_http", &Settings::webhooks_allow_http, 0, 0, "", false,
         "Deliver to http:// addresses too. For trials only."},
        {"webhooks.allow_private_addresses", &Settings::webhooks_allow_private_addresses, 0, 0, "", false,
         "Deliver to loopback and private networks. Merchants could then reach into the house: trust them "
         "first."},
        {"webhooks.timeout_s", &Settings::webhooks_timeout_s, 1, 120, "", false,
         "How long a receiver may take to answer, in seconds."},
        {"logging.level", &Settings::log_level, 0, 0, "debug|info|warning|error", true,
         "What goes to standard error.", true},
    };
    return table;
}

std::string environment_name(std::string_view key) {
    std::string name(kPrefix);
    for (const char c : key)
        name.push_back(c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
    return name;
}

std::vector<std::pair<std::string, std::string>> kontor_environment() {
    std::vector<std::pair<std::string, std::string>> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view line(*entry);
        const std::size_t equals = line.find('=');
        if (!line.starts_with(kPrefix) || equals == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, equals);
        if (std::find(std::begin(kNotSettings), std::end(kNotSettings), name) != std::end(kNotSettings))
            continue;
        found.emplace_back(name, line.substr(equals + 1));
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string LoadNotes::where(std::string_view key) const {
    const auto found = origins.find(key);
    return found != origins.end() ? found->second : "default of " + std::string(key);
}

std::vector<std::string> split_list(const std::string& list) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    while (at <= list.size()) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        std::string part = list.substr(at, end - at);
        part.erase(0, part.find_first_not_of(' '));
        part.erase(part.find_last_not_of(' ') + 1);
        if (!part.empty()) parts.push_back(std::move(part));
        at = end + 1;
    }
    return parts;
}

std::vector<Problem> load_settings(const SettingSources& sources, Settings& settings, LoadNotes* notes) {
    std::vector<Problem> problems;
    LoadNotes nobody_asked;
    LoadNotes& known = notes != nullptr ? *notes : nobody_asked;
    if (!sources.file.empty()) load_settings_file(sources.file, settings, problems, known);
    load_environment(sources.environment, settings, problems, known);
    for (const std::string& assignment : sources.assignments) {
        const std::size_t equals = assignment.find('=');
        const std::string key = assignment.substr(0, equals);
        const std::string where = "--set " + key;
        if (equals == std::string::npos) {
            problems.push_back({where, "write it as key=value"});
            continue;
        }
        const Setting* setting = find_setting(key);
        if (setting != nullptr) known.origins.insert_or_assign(key, where);
        const std::string what = setting != nullptr
                                     ? assign_text(*setting, settings, assignment.substr(equals + 1))
                                     : unknown_setting(key);
        if (!what.empty()) problems.push_back({where, what, setting != nullptr ? key : ""});
    }
    check_together(settings, known, problems);
    return problems;
}

std::string example_file() {
    const Settings defaults;
    std::string out =
        "# Kontor's configuration. Every setting is shown with its default; take the '#' away to change "
        "one.\n"
        "# The environment overrides this file (https.port is KONTOR_HTTPS_PORT), and --set overrides both.\n"
        "# Paths that do not begin with '/' are meant from this file's folder.\n"
        "# Check it with: kontor config check --config FILE. What SIGHUP does not change needs a restart.\n";
    std::string section;
    for (const Setting& setting : setting_table()) {
        const std::size_t dot = setting.key.find('.');
        if (setting.key.substr(0, dot) != section) {
            section = std::string(setting.key.substr(0, dot));
            out += "\n[" + section + "]\n";
        }
        out += "\n# " + std::string(setting.description);
        if (!setting.choices.empty()) out += " One of: " + std::string(setting.choices) + ".";
        if (std::holds_alternative<std::int64_t Settings::*>(setting.field))
            out += " " + std::to_string(setting.min) + " to " + std::to_string(setting.max) + ".";
        if (setting.is_live) out += " SIGHUP brings a new value into use.";
        out += "\n#" + std::string(setting.key.substr(dot + 1)) + " = ";
        std::visit(
            [&](auto field) {
                const auto& value = defaults.*field;
                using T = std::decay_t<decltype(value)>;
                if constexpr (std::is_same_v<T, std::string>)
                    out += "\"" + value + "\"";
                else if constexpr (std::is_same_v<T, bool>)
                    out += value ? "true" : "false";
                else
                    out += std::to_string(value);
            },
            setting.field);
        out += "\n";
    }
    return out;
}

}  // namespace kontor::app
