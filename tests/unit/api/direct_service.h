#pragma once
// The node in miniature with the sandbox acquirer asked at once: enough for the API to be driven like over
// the wire.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/sandbox/sandbox.h"
#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "kontor/outbox/channel_answer.h"
#include "support/direct_node.h"
#include "support/sandbox_account.h"

namespace kontor::api::testing {

class DirectService : public kontor_test::DirectNode {
 public:
    DirectService() {
        run(kontor_test::open_sandbox(connectors::sandbox::draw(std::string(32, 'l')).seal(sealer_)));
    }

    void submit(pb::Command command, Done done) override {
        ++submitted;
        last_command = command;
        if (refuse_with) {
            done(Unexpected{*refuse_with});
            return;
        }
        pb::Result result = run(std::move(command));
        const std::uint64_t waits_for = result.waiting_on();
        if (ask_channel) {
            if (auto resolved = run_channel(waits_for)) result = *std::move(resolved);
        }
        done(machine::Answer{result, index.load()});
    }

    void read(const ReadBody& body) const override {
        if (broken) throw store::StoreFailure("a page of the store is not what was written");
        DirectNode::read(body);
    }

    std::uint64_t keys_version() const override { return keys; }

    std::uint64_t keys = 0;
    std::uint64_t submitted = 0;
    pb::Command last_command;
    std::optional<Error> refuse_with;
    bool broken = false;
    bool ask_channel = true;  // false: card payments stay "processing"
    std::set<std::string> event_types;

 private:
    void on_applied(const machine::Effects& effects) override {
        answered_.clear();
        for (const auto& [no, result] : effects.resolved)
            answered_.emplace(no, effects.resolved_results.at(result));
        for (const pb::AuditRecord& audit_record : effects.audit_records) {
            for (const pb::Event& event : audit_record.events()) event_types.insert(event.type());
        }
    }

    // Works the outbox until nothing is due; the Result that waited for `attempt`, if there is one.
    std::optional<pb::Result> run_channel(std::uint64_t attempt) {
        std::optional<pb::Result> resolved;
        for (int guard = 0; guard < 100; ++guard) {
            // What waits for the payer is asked in vain.
            std::optional<pb::ChannelAttempt> next;
            for (const auto& due :
                 attempts::due_attempts(rows, std::numeric_limits<std::int64_t>::max(), 100)) {
                auto found = attempts::find_attempt(rows, due.no);
                if (!next && found->state() != pb::ATTEMPT_WAITING_FOR_PAYER) next = std::move(found);
            }
            if (!next) break;
            run(answer_to(*next));
            if (const auto found = answered_.find(attempt); found != answered_.end())
                resolved = found->second;
        }
        return resolved;
    }

    pb::Command answer_to(const pb::ChannelAttempt& attempt) {
        connectors::Order order;
        order.reference = std::to_string(attempt.no());
        order.operation = static_cast<connectors::Operation>(attempt.operation());
        order.amount_minor = attempt.amount();
        order.currency = static_cast<std::uint16_t>(attempt.currency());
        order.method_token = attempt.payment_method().token();
        order.channel_reference = attempt.channel_reference();
        order.earlier_tries = attempt.tries();
        order.return_url = attempt.return_url();
        order.door_url = "https://pay.example/channels/sandbox/" + std::to_string(attempt.account_no());
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        command.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        const auto answer =
            connectors::sandbox::build(order, connectors::sandbox::draw(std::string(32, 'l')), {});
        *mutable_body(command, pb::channel_answered) =
            outbox::channel_answer(attempt.no(), std::get<connectors::Answer>(answer));
        return command;
    }

    const crypto::Sealer sealer_{crypto::Secret(std::string(32, 'k'))};
    std::map<std::uint64_t, pb::Result> answered_;  // attempts that the newest entry ended
};

}  // namespace kontor::api::testing
