#include "config_check.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "appliance.h"
#include "config_check_files.h"
#include "control.h"
#include "data_folder.h"
#include "domains/members/limits.h"
#include "folder_check.h"
#include "kontor/base/files.h"
#include "kontor/http/client_address.h"
#include "kontor/http/host_address.h"
#include "kontor/http/server.h"
#include "kontor/transport/certificates.h"
#include "kontor/uri/uri.h"
#include "memory_plan.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

using http::is_any_address;

// Wider ones are no proxies but most of the Internet.
constexpr unsigned kFewestProxyBits4 = 8, kFewestProxyBits6 = 16;

bool is_wide(const std::string& range) {
    const std::size_t slash = range.find('/');
    if (slash == std::string::npos) return false;
    const unsigned fewest = range.find(':') == std::string::npos ? kFewestProxyBits4 : kFewestProxyBits6;
    return std::strtoul(range.c_str() + slash + 1, nullptr, 10) < fewest;
}

class Check {
 public:
    Check(CheckedSettings& checked, const std::string& file, Purpose purpose, const Clock& clock)
        : checked_(checked), settings_(checked.settings), file_(file), purpose_(purpose), clock_(clock) {}

    void run() {
        if (checked_.notes.is_file_broken) return;  // the values are not what somebody wants
        const Complaint complain = [this](std::string_view key, std::string what) {
            problem(key, std::move(what));
        };
        const Complaint warn = [this](std::string_view key, std::string what) {
            if (purpose_ == Purpose::dev) return;  // it is for trying out, wherever that is
            checked_.notes.warnings.push_back({checked_.notes.where(key), std::move(what), std::string(key)});
        };
        look_at_names();
        look_at_proxies(warn);
        look_at_cluster();
        look_at_ports();
        look_at_memory();
        check_certificate_files(settings_, checked_.notes, clock_, complain);
        if (!settings_.data_folder.empty()) {
            check_room(settings_, complain, warn);
            check_limits(settings_, complain, warn);
            std::string marker = marker_path(settings_);
            const Complaint complain_of_marker = [&](std::string_view key, std::string what) {
                marker.clear();  // said already
                complain(key, std::move(what));
            };
            check_marker_place(settings_, file_, complain_of_marker, warn);
            look_at_folder(marker, complain, warn);
        }
        if (purpose_ == Purpose::dev) return;
        check_secrets_key(settings_, complain, warn);
    }

 private:
    // A value that was refused already has its default, of which nobody wants to hear.
    void problem(std::string_view key, std::string what, bool may_pass = false) {
        const auto& known = checked_.problems;
        const bool is_refused = std::any_of(known.begin(), known.end(), [&](const Problem& one) {
            return one.key == key &&
                   std::find(mine_.begin(), mine_.end(), &one - known.data()) == mine_.end();
        });
        if (is_refused) return;
        mine_.push_back(static_cast<std::ptrdiff_t>(known.size()));
        checked_.problems.push_back({checked_.notes.where(key), std::move(what), std::string(key), may_pass});
    }

    void look_at_folder(const std::string& marker, const Complaint& complain, const Complaint& warn) {
        const char* const key = "data.folder";
        const std::string& folder = settings_.data_folder;
        if (const auto user = DataFolder::user_of(folder); !user.name.empty()) {
            if (user.is_this_process) return;
            const std::string what = folder + " is in use by " + user.name;
            if (purpose_ == Purpose::look) return warn(key, what + ": a second one does not start with it");
            if (purpose_ == Purpose::serve || purpose_ == Purpose::reload) return problem(key, what, true);
        }
        // The package's folder is its user's, and root may look at a configuration.
        if (file_exists(folder))
            if (const auto fit = DataFolder::check_owner(folder); !fit) {
                if (purpose_ != Purpose::look || fit.error().code != ErrorCode::permission_denied)
                    return problem(key, fit.error().message);
                warn(key, fit.error().message);
            }
        if (!check_data_folder(settings_, complain, warn)) return;
        if (purpose_ == Purpose::join || purpose_ == Purpose::dev) return;
        // A start opens the store right after this.
        const FolderLook look = purpose_ == Purpose::look ? FolderLook::whole : FolderLook::quick;
        if (const auto fit = check_folder_state(settings_, marker, look); !fit)
            problem(key, fit.error().message);
    }

    void look_at_names() {
        if (const auto usable = transport::check_certificate_names(split_list(settings_.https_names));
            !usable)
            problem("https.names", "'https.names': " + usable.error().message);
    }

    void look_at_proxies(const Complaint& warn) {
        const char* const key = "https.trusted_proxies";
        const std::vector<std::string> ranges = split_list(settings_.https_trusted_proxies);
        const auto proxies = http::AddressRanges::parse(ranges);
        if (!proxies) return problem(key, "'https.trusted_proxies': " + proxies.error().message);
        if (ranges.empty() && !settings_.https_trusted_proxies.empty())
            return problem(key, "'https.trusted_proxies' names nobody: leave it empty, or write addresses");
        for (const std::string& range : ranges)
            if (is_wide(range))
                warn(key, "'https.trusted_proxies': " + range +
                              " lets nearly everybody say whom a request is from, and so pass by every limit "
                              "of addresses: name your proxies");
    }

    void look_at_memory() {
        if (const auto plan = plan_memory(settings_, machine_share()); !plan)
            problem(checked_.notes.is_set("store.cache_mib") ? "store.cache_mib" : "store.memtable_mib",
                    plan.error().message);
    }

    void look_at_cluster() {
        const std::string& name = settings_.cluster_name;
        if (name.size() > members::limits::kNodeNameBytes)
            problem("cluster.name", "'cluster.name' must have at most " +
                                        std::to_string(members::limits::kNodeNameBytes) + " bytes");
        const std::string& address = settings_.cluster_address;
        if (address.empty() && purpose_ == Purpose::join)
            problem("cluster.address",
                    "set 'cluster.address' to the host name or address by which other nodes "
                    "reach this one");
        if (!address.empty()) look_at_advertised(address);
        const std::string& url = settings_.cluster_api_url;
        if (url.empty()) return;
        const auto parts = uri::split_url(url);
        if (!parts || !parts->https)
            problem("cluster.api_url", "'cluster.api_url' must be an https:// address, not '" + url + "'");
        if (const std::string why = parts ? http::why_no_host_has(parts->host) : ""; !why.empty())
            problem("cluster.api_url", "'cluster.api_url' has " + why + ", which nobody can dial");
        if (url.size() > members::limits::kNodeAddressBytes)
            problem("cluster.api_url", "'cluster.api_url' must have at most " +
                                           std::to_string(members::limits::kNodeAddressBytes) + " bytes");
    }

    void look_at_advertised(const std::string& address) {
        const char* const key = "cluster.address";
        if (const std::string why = http::why_no_host_has(address); !why.empty())
            return problem(key, "'cluster.address' is " + why + ", which nobody can dial");
        if (is_any_address(address))
            return problem(key,
                           "'cluster.address' is what the other nodes dial, and nobody can dial " + address);
        if (const auto usable = transport::check_certificate_names({address}); !usable)
            return problem(key, "'cluster.address' must be a host name or an address, without a port: " +
                                    usable.error().message);
        if (address.find('*') != std::string::npos)
            problem(key, "'cluster.address' must be one host name or address, not a pattern");
    }

    [[nodiscard]] bool is_member() const {
        return purpose_ == Purpose::join || file_exists(settings_.data_folder + "/peer/identity.json");
    }
    // A node that runs with this folder has the ports, and shall have them. Its socket may be gone.
    [[nodiscard]] bool is_running() const {
        return purpose_ == Purpose::reload || control_peer(control_path(settings_.data_folder)).has_value() ||
               !DataFolder::user_of(settings_.data_folder).name.empty();
    }

    void look_at_port(const char* address_key, const std::string& address, const char* port_key,
                      std::int64_t port, bool is_used) {
        // Port 0 takes any: this asks for the address alone.
        const auto free = http::check_listen(address, is_used ? static_cast<std::uint16_t>(port) : 0);
        if (free) return;
        const bool is_of_port = free.error().code == ErrorCode::already_exists ||
                                free.error().code == ErrorCode::permission_denied;
        problem(is_of_port ? port_key : address_key,
                "'" + std::string(is_of_port ? port_key : address_key) + "': " + free.error().message,
                free.error().code == ErrorCode::already_exists);
    }

    void look_at_ports() {
        const bool is_dev = purpose_ == Purpose::dev;
        const bool runs = !is_dev && is_running();
        look_at_port("https.address", settings_.https_address, "https.port", settings_.https_port, !runs);
        const bool is_cluster = !is_dev && (is_member() || !settings_.cluster_address.empty());
        const bool has_metrics = settings_.metrics_port != 0;
        const Listener https{"https.port", settings_.https_address, settings_.https_port};
        const Listener cluster{"cluster.port", settings_.cluster_listen_address, settings_.cluster_port};
        const Listener metrics{"metrics.port", settings_.metrics_address, settings_.metrics_port};
        const bool is_cluster_wanted = is_cluster || checked_.notes.is_set("cluster.port");
        const bool are_apart = (!is_cluster_wanted || are_different(cluster, https)) &&
                               (!has_metrics || are_different(metrics, https)) &&
                               (!has_metrics || !is_cluster_wanted || are_different(metrics, cluster));
        if (!are_apart) return;
        look_at_port("cluster.listen_address", cluster.address, cluster.key, cluster.port,
                     !runs && is_cluster);
        look_at_port("metrics.address", metrics.address, metrics.key, metrics.port, !runs && has_metrics);
    }

    struct Listener {
        const char* key;
        const std::string& address;
        std::int64_t port;
    };

    bool are_different(const Listener& one, const Listener& other) {
        if (one.port != other.port || one.port == 0) return true;
        if (one.address != other.address && !is_any_address(one.address) && !is_any_address(other.address))
            return true;
        const char* const key = checked_.notes.is_set(one.key) ? one.key : other.key;
        problem(key, "'" + std::string(one.key) + "' and '" + other.key + "' are both " +
                         std::to_string(one.port) + ": each needs a port of its own");
        return false;
    }

    CheckedSettings& checked_;
    const Settings& settings_;
    const std::string& file_;
    Purpose purpose_;
    const Clock& clock_;
    std::vector<std::ptrdiff_t> mine_;  // positions of the problems that were found here
};

}  // namespace

bool CheckedSettings::may_pass() const {
    return !problems.empty() &&
           std::all_of(problems.begin(), problems.end(), [](const Problem& one) { return one.may_pass; });
}

CheckedSettings check_configuration(const SettingSources& sources, Purpose purpose, const Clock& clock,
                                    const Settings& defaults) {
    CheckedSettings checked;
    checked.settings = defaults;
    checked.problems = load_settings(sources, checked.settings, &checked.notes);
    Check(checked, sources.file, purpose, clock).run();
    return checked;
}

bool report(const CheckedSettings& checked, const Output& output) {
    for (const Problem& warning : checked.notes.warnings) {
        std::fprintf(stderr, "warning: %s: %s\n", warning.where.c_str(), warning.what.c_str());
        output.event(Json{{"event", "warning"}, {"where", warning.where}, {"what", warning.what}});
    }
    for (const Problem& problem : checked.problems) {
        std::fprintf(stderr, "%s: %s\n", problem.where.c_str(), problem.what.c_str());
        output.event(Json{{"event", "problem"}, {"where", problem.where}, {"what", problem.what}});
    }
    return checked.problems.empty();
}

std::vector<std::string> certificate_names(const Settings& settings) {
    std::vector<std::string> names = split_list(settings.https_names);
    const auto add = [&names](const std::string& name) {
        if (name.empty() || is_any_address(name)) return;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    add(settings.https_address);
    add(settings.cluster_address);
    if (const auto url = uri::split_url(settings.cluster_api_url); url) add(url->host);
    return names;
}

}  // namespace kontor::app
