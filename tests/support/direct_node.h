#pragma once
// The node in miniature: the real state machine over memory rows, each command an entry of its own.
//
// Threading: any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "domains/all.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "support/memory_rows.h"

namespace kontor_test {

class DirectNode : public kontor::machine::Service {
 public:
    DirectNode() : rows(kontor::domains::registry().tables()) {}

    void submit(kontor::pb::Command command, Done done) override {
        kontor::pb::Result result = run(std::move(command));
        done(kontor::machine::Answer{std::move(result), index.load()});
    }
    void read(const ReadBody& body) const override {
        const std::lock_guard lock(mutex_);
        body(rows, index.load());
    }
    [[nodiscard]] std::int64_t machine_now_ms() const override { return now_ms; }
    std::uint64_t subscribe(OnEntry on_entry) override {
        const std::lock_guard lock(subscribers_mutex_);
        subscribers_.emplace(++last_, std::move(on_entry));
        return last_;
    }
    void unsubscribe(std::uint64_t id) override {
        const std::lock_guard lock(subscribers_mutex_);
        subscribers_.erase(id);
    }

    kontor::pb::Result run(kontor::pb::Command command) {
        namespace machine = kontor::machine;
        if (command.version() == 0) command.set_version(machine::kCommandVersion);
        kontor::pb::Batch batch = machine::new_batch(std::string(machine::kSaltBytes, 's'));
        batch.set_machine_ms(machine_now_ms());
        batch.set_utc_ms(utc_ms());
        *batch.add_commands() = std::move(command);
        machine::Effects effects;
        {
            const std::lock_guard lock(mutex_);
            machine_.apply(rows, ++index, batch, effects);
        }
        on_applied(effects);
        const kontor::pb::Result result = effects.results.at(0);
        if (is_silent) return result;
        const std::lock_guard lock(subscribers_mutex_);
        const machine::AppliedEntry entry{
            index.load(),
            std::make_shared<const std::vector<kontor::pb::AuditRecord>>(std::move(effects.audit_records)),
            effects.outbox_changed};
        for (const auto& [id, subscriber] : subscribers_) subscriber(entry);
        return result;
    }

    kontor::testing::MemoryRows rows;
    std::atomic<std::uint64_t> index{0};
    std::atomic<std::int64_t> now_ms{1'800'000'000'000};
    bool is_silent = false;  // subscribers hear nothing: as if they were far behind

 protected:
    [[nodiscard]] virtual std::int64_t utc_ms() const { return machine_now_ms(); }
    virtual void on_applied(const kontor::machine::Effects& /*effects*/) {}

 private:
    mutable std::recursive_mutex mutex_;  // a read may be within a read
    kontor::domains::Machine machine_;
    std::mutex subscribers_mutex_;
    std::map<std::uint64_t, OnEntry> subscribers_;
    std::uint64_t last_ = 0;
};

}  // namespace kontor_test
