#pragma once
// The node in miniature: the real state machine over memory rows, each command an entry of its own, the
// sandbox acquirer asked at once. Enough for the API to be driven like over the wire.

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels.pb.h"
#include "kontor/channels/sandbox.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "support/memory_rows.h"

namespace kontor::api::testing {

class DirectService : public machine::Service {
 public:
    DirectService() : rows(domains::registry().tables()), sandbox_(channels::make_sandbox_acquirer()) {}

    void submit(pb::Command command, Done done) override {
        ++submitted;
        last_command = command;
        if (refuse_with) {
            done(Unexpected{*refuse_with});
            return;
        }
        pb::Result result = apply(std::move(command));
        const std::uint64_t waits_for = result.waiting_on();
        if (ask_channel) {
            if (auto resolved = run_channel(waits_for)) result = *std::move(resolved);
        }
        done(machine::Answer{result, index});
    }

    void read(const ReadBody& body) const override {
        if (broken) throw store::StoreFailure("a page of the store is not what was written");
        body(rows, index);
    }

    std::int64_t machine_now_ms() const override { return now_ms; }
    std::uint64_t keys_version() const override { return keys; }

    std::uint64_t subscribe(OnEntry) override { return 0; }
    void unsubscribe(std::uint64_t) override {}

    pb::Result apply(pb::Command command) {
        pb::Batch batch = machine::new_batch(std::string(machine::kSaltBytes, 's'));
        batch.set_machine_ms(now_ms);
        batch.set_utc_ms(now_ms);
        *batch.add_commands() = std::move(command);
        machine_.apply(rows, ++index, batch, effects_);
        for (const pb::Journal& journal : effects_.journals) {
            for (const pb::Event& event : journal.events()) event_types.insert(event.type());
        }
        return effects_.results.at(0);
    }

    kontor::testing::MemoryRows rows;
    std::uint64_t index = 0;
    std::uint64_t keys = 0;
    std::int64_t now_ms = 1'800'000'000'000;
    std::uint64_t submitted = 0;
    pb::Command last_command;
    std::optional<Error> refuse_with;
    bool broken = false;
    bool ask_channel = true;  // false: card payments stay "processing"
    std::set<std::string> event_types;

 private:
    // Works the outbox until nothing is due; the Result that waited for `attempt`, if there is one.
    std::optional<pb::Result> run_channel(std::uint64_t attempt) {
        std::optional<pb::Result> resolved;
        for (int guard = 0; guard < 100; ++guard) {
            const auto due = attempts::due_attempts(rows, std::numeric_limits<std::int64_t>::max(), 1);
            if (due.empty()) break;
            apply(answer_to(*attempts::find_attempt(rows, due[0].no)));
            for (std::size_t i = 0; i < effects_.resolved.size(); ++i) {
                if (effects_.resolved[i].attempt_no != attempt) continue;
                resolved = effects_.resolved_results.at(effects_.resolved[i].result);
            }
        }
        return resolved;
    }

    pb::Command answer_to(const pb::ChannelAttempt& attempt) {
        channels::Order order;
        order.reference = std::to_string(attempt.no());
        order.operation = static_cast<channels::Operation>(attempt.operation());
        order.amount_minor = attempt.amount();
        order.currency = static_cast<std::uint16_t>(attempt.currency());
        order.method_token = attempt.payment_method().token();
        order.channel_reference = attempt.channel_reference();
        order.earlier_tries = attempt.tries();
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        command.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        pb::ChannelAnswered& answered = *mutable_body(command, pb::channel_answered);
        answered.set_attempt_no(attempt.no());
        sandbox_->perform(order, [&](channels::Answer answer) {
            using State = channels::Answer::State;
            answered.set_state(answer.state == State::succeeded ? pb::ATTEMPT_SUCCEEDED
                               : answer.state == State::failed  ? pb::ATTEMPT_FAILED
                                                                : pb::ATTEMPT_UNKNOWN);
            answered.set_channel_reference(answer.channel_reference);
            if (answer.state != State::failed) return;
            answered.mutable_error()->set_type(answer.error_type);
            answered.mutable_error()->set_code(answer.error_code);
            answered.mutable_error()->set_decline_code(answer.decline_code);
            answered.mutable_error()->set_message(answer.message);
        });
        return command;
    }

    domains::Machine machine_;
    machine::Effects effects_;
    std::unique_ptr<channels::Channel> sandbox_;
};

}  // namespace kontor::api::testing
