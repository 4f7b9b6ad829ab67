#pragma once
// The commands of the binary; main() parses, these run. Each returns the process's exit code.
//   0 done; 1 failed (the reason is printed); 2 wrong usage or configuration; 3 storage failed, the node
//   stopped.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

struct DevArguments {
    std::string data_folder = "./kontor-data";
    bool ephemeral = false;
    bool json = false;
    bool serve_only = false;
    bool exit_after_demo = false;
    std::uint16_t port = 8443;  // 0: any free one
    std::vector<std::string> assignments;
};
[[nodiscard]] int run_dev(const DevArguments& arguments);

struct ServeArguments {
    std::string config_file;
    std::vector<std::string> assignments;
    bool json = false;
};
[[nodiscard]] int run_serve(const ServeArguments& arguments);

struct VerifyArguments {
    std::string data_folder;  // a stopped or running node's
    std::string config_file;  // or: its configuration
    bool json = false;
};
[[nodiscard]] int run_verify(const VerifyArguments& arguments);

// The data folder that they name, itself or by a configuration.
[[nodiscard]] Result<std::string> data_folder_of(const VerifyArguments& arguments);

struct IdArguments {
    VerifyArguments node;
    std::vector<std::string> ids;
    bool key = false;  // say the key of ids, too
};
[[nodiscard]] int run_id(const IdArguments& arguments);

struct BenchArguments {
    std::string scenario;
    std::string duration = "20s", warmup = "3s";
    unsigned connections = 0;  // 0: the scenario's default
    unsigned threads = 1;
    std::uint64_t rate = 0;      // a second, of requests; 0: closed loop
    std::uint64_t batch = 8192;  // transfers a request
    std::uint64_t accounts = 0;  // 0: the scenario's default
    bool random_ids = false;
    std::uint64_t customers = 1'000;
    std::uint64_t payments = 10'000;  // prepared for reads
    bool failing = false;             // transfers of accounts that have nothing
    bool idempotency_keys = false;
    unsigned webhooks = 0;        // endpoints that get every event of the load
    std::string mix;              // "" : the scenario's default
    std::string path = "/livez";  // scenario get
    std::uint64_t seed = 1;
    bool json = false;
    std::string url, key, ca_file;         // a server that runs; "": one of our own
    std::string folder;                    // for our own server's state; "": the system's for temporary files
    std::vector<std::string> assignments;  // for our own server
};
[[nodiscard]] int run_bench(const BenchArguments& arguments);

struct AcceptOlderArguments {
    std::string data_folder, config_file;
    bool accepts_loss = false;  // else it only says what would be lost
    bool json = false;
};
[[nodiscard]] int run_accept_older(const AcceptOlderArguments& arguments);

struct ClusterArguments {
    std::string action;  // init, token, join, rejoin, status, remove, leave, transfer, promote, demote, …
    std::string config_file;  // of this node; or:
    std::string data_folder;  // of a node that runs
    std::vector<std::string> assignments;
    std::string token;                  // join
    std::optional<std::uint64_t> node;  // remove, transfer, promote, demote
    std::uint64_t replaces = 0;
    bool standby = false;
    bool accepts_loss = false;  // takeover, rejoin
    bool undoes = false;        // rejoin
    std::uint64_t lifetime_minutes = 60;
    bool json = false;
};
[[nodiscard]] int run_cluster(const ClusterArguments& arguments);

struct UpgradeArguments {
    bool rolling = false;
    std::string config_file;  // of the node that is asked; or:
    std::string data_folder;
    std::vector<std::string> assignments;
    bool check_only = false;
    bool all = false;  // also nodes that run the version already
    bool accepts_pause = false;
    std::uint64_t drain_s = 2;
    std::uint64_t node_timeout_s = 180;  // for a node to be back and caught up
    bool json = false;
};
[[nodiscard]] int run_upgrade(const UpgradeArguments& arguments);

struct SetupLinkArguments {
    VerifyArguments node;
    std::string operator_name;  // "": makes a new operator
};
struct SelftestArguments {
    bool failover = false;
    std::string config_file;  // of the node that is asked; or:
    std::string data_folder;
    std::vector<std::string> assignments;
    bool kill = false;
    bool yes = false;
    std::uint64_t duration_s = 30;
    unsigned threads = 8;
    bool json = false;
};
[[nodiscard]] int run_selftest(const SelftestArguments& arguments);

[[nodiscard]] int run_config_check(const ServeArguments& arguments);
[[nodiscard]] int run_config_example();
[[nodiscard]] int run_secrets_init(const std::string& key_file);
[[nodiscard]] int run_setup_link(const SetupLinkArguments& arguments);

}  // namespace kontor::app
