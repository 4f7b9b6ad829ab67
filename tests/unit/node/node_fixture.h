#pragma once
// A node in a temporary folder, and commands of a small shop for it.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "domains/customers/customers.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/page.h"
#include "kontor/machine/service.h"
#include "kontor/node/folder.h"
#include "kontor/node/node.h"
#include "kontor/payments_bodies.pb.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::node::testing {

using Outcome = std::pair<std::optional<pb::Result>, std::optional<Error>>;

// One answer, however long it takes; that it comes once is checked too.
class Awaited {
 public:
    machine::Service::Done done() {
        return [this](const Result<machine::Answer>& answer) {
            const std::lock_guard lock(mutex_);
            EXPECT_FALSE(outcome_) << "answered twice";
            Outcome outcome;
            if (answer)
                outcome.first = answer->result;
            else
                outcome.second = answer.error();
            outcome_ = std::move(outcome);
            changed_.notify_all();
        };
    }
    bool arrived() {
        const std::lock_guard lock(mutex_);
        return outcome_.has_value();
    }
    bool arrives_within(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, time, [this] { return outcome_.has_value(); });
    }
    Outcome wait() {
        std::unique_lock lock(mutex_);
        const bool came =
            changed_.wait_for(lock, std::chrono::seconds(20), [this] { return outcome_.has_value(); });
        EXPECT_TRUE(came) << "no answer came";
        return came ? *outcome_ : Outcome{};
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Outcome> outcome_;
};

class NodeTest : public ::testing::Test {
 protected:
    NodeTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kontor-node-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    ~NodeTest() override {
        node_.reset();
        std::filesystem::remove_all(folder_);
    }
    NodeOptions options() {
        NodeOptions options;
        options.folder = folder_ + "/data";
        options.partitions = 1;
        options.cache_bytes = 1U << 20U;
        options.map_bytes = 64U << 20U;
        options.log_segment_bytes = 1U << 20U;
        options.max_log_bytes = 16U << 20U;
        options.tick_ms = 20;
        options.clock = &system_clock();
        options.on_fatal = [this](const Error&) { ++fatal_; };
        metrics_ = std::make_unique<telemetry::Registry>();
        options.metrics = metrics_.get();
        return options;
    }
    void start(NodeOptions options) {
        auto node = Node::start(std::move(options));
        ASSERT_TRUE(node) << node.error().describe();
        node_ = *std::move(node);
    }
    void start() { start(options()); }
    void restart() {
        node_->stop();
        node_.reset();
        start();
    }

    Outcome run(pb::Command command) {
        Awaited awaited;
        command.set_version(1);
        node_->submit(std::move(command), awaited.done());
        return awaited.wait();
    }
    std::uint64_t merchant(const std::string& name) {
        pb::Command command;
        mutable_body(command, pb::create_merchant)->set_name(name);
        return object_in(*run(command).first, pb::merchant).no();
    }
    static pb::Command customer(std::uint64_t merchant_no, const std::string& name) {
        pb::Command command;
        command.set_version(1);
        command.set_merchant_no(merchant_no);
        mutable_body(command, pb::create_customer)->set_name(name);
        return command;
    }
    void open_sandbox() { ASSERT_TRUE(run(kontor_test::open_sandbox()).first); }
    static pb::Command card_payment(std::uint64_t merchant_no) {
        pb::Command command;
        command.set_version(1);
        command.set_merchant_no(merchant_no);
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(1'000);
        create.set_currency(978);
        create.add_payment_method_types("card");
        *create.mutable_payment_method() = kontor_test::method("pm_card_visa");
        create.set_confirm(true);
        create.set_client_secret_suffix("x");
        return command;
    }
    std::size_t customers(std::uint64_t merchant_no) {
        std::size_t count = 0;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            machine::ListQuery query;
            query.limit = 10'000;
            count = customers::list_customers(rows, {merchant_no, false}, query).rows.size();
        });
        return count;
    }
    // The first byte of every copy of `text` in the store's files is changed.
    void damage(const std::string& text) const {
        std::size_t hits = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(store_folder(folder_ + "/data"))) {
            if (!entry.is_regular_file()) continue;
            std::string bytes;
            {
                std::ifstream in(entry.path(), std::ios::binary);
                bytes.assign(std::istreambuf_iterator<char>(in), {});
            }
            std::fstream out(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
                out.seekp(static_cast<std::streamoff>(at));
                out.put('#');
                ++hits;
            }
        }
        ASSERT_GT(hits, 0U);
    }

    std::string folder_;
    std::atomic<int> fatal_{0};
    std::unique_ptr<telemetry::Registry> metrics_;
    std::unique_ptr<Node> node_;
};

}  // namespace kontor::node::testing
