// Copies of a state that changes meanwhile, against a model of every checkpoint.

#include <cstdlib>
#include <thread>

#include "kontor/base/bytes.h"
#include "state_wire.h"
#include "transfer_testing.h"

namespace kontor::state_transfer {
namespace {

constexpr unsigned kMostSteps = 200'000;

std::uint64_t seeds_to_run() {
    const char* given = std::getenv("KONTOR_TRANSFER_SEEDS");
#ifdef KONTOR_SANITIZED
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 4;
#else
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 6;
#endif
}

void fill(ChangingStore& source) {
    source.apply(10 + static_cast<unsigned>(source.workload().below(60)), 40);
    if (source.workload().below(4) != 0) source.checkpoint();
    source.apply(5, 10);
    if (source.workload().below(2) == 0) source.start_checkpoint();  // running while the copy begins
}

struct Trouble {
    bool lost_answers = false;
    bool reopened_sinks = false;
    bool flipped_bytes = false;
    bool restarted_source = false;
};

void run(std::uint64_t seed, const Trouble& trouble) {
    SCOPED_TRACE("KONTOR_SEED=" + std::to_string(seed));
    const TempFolder at_source, at_sink;
    StoreOptions options = test_options(at_source.path());
    if (seed % 3 == 0) options.max_pages_per_commit = 4;  // partitions between two checkpoints for longer
    if (seed % 2 == 0) {                                  // merges in pieces, under way when the copy begins
        options.redo_bytes = 60'000;
        options.merge_bytes = 3'000;
    }
    ChangingStore source(seed, options);
    fill(source);
    Workload dice(seed + 1);
    StateSinkOptions copied = sink_options(at_sink.path());
    copied.max_response_bytes += static_cast<std::uint32_t>(dice.below(20'000));
    auto sink = open_sink(copied);
    unsigned steps = 0, sink_restarts = 0, source_restarts = 0;
    for (; !sink->done() && steps < kMostSteps; ++steps) {
        if (steps < 2'000) source.change_a_little();
        const std::string request = sink->next_request();
        if (trouble.restarted_source && source_restarts < 2 && dice.below(60) == 0) {
            source.reopen();
            ++source_restarts;
        }
        std::string answer = must_answer(source.source(), request);
        if (trouble.lost_answers && dice.below(4) == 0) continue;
        if (trouble.flipped_bytes && dice.below(3) == 0) {
            std::string flipped = answer;
            flipped[dice.below(flipped.size())] ^= static_cast<char>(1U << dice.below(8));
            const auto fed = sink->feed(flipped);
            ASSERT_FALSE(fed);
            ASSERT_EQ(fed.error().code, ErrorCode::corruption);
            ASSERT_EQ(sink->next_request(), request);
        }
        const auto fed = sink->feed(answer);
        ASSERT_TRUE(fed) << fed.error().describe();
        if (trouble.reopened_sinks &&
            dice.below(25) == 0) {  // then a redo file comes again from its beginning
            sink_restarts += sink->progress().restarts;
            sink.reset();
            sink = open_sink(copied);
        }
    }
    ASSERT_LT(steps, kMostSteps) << to_string(sink->progress().phase) << " of partition "
                                 << sink->progress().partitions_verified << " at " << sink->progress().index;
    sink_restarts += sink->progress().restarts;
    if (!trouble.restarted_source) {
        EXPECT_EQ(sink_restarts, 0U) << sink->progress().restart_reason;
    }
    const std::uint64_t index = sink->progress().index;
    // (One that starts again when all but the farewell is done does not say that.)
    if (!trouble.reopened_sinks) {
        EXPECT_EQ(source.source().stats().transfers, 0U);
    }
    sink.reset();
    expect_copy(at_sink.path(), source, index);
    ASSERT_TRUE(source.store().failure());
}

void run_all(const Trouble& trouble) {
    if (kontor_test::one_seed_only()) {
        run(test_seed(), trouble);
        return;
    }
    const std::uint64_t first = kontor_test::first_seed();
    for (std::uint64_t i = 0; i < seeds_to_run() && !testing::Test::HasFailure(); ++i)
        run(first + i, trouble);
}

TEST(StateTransfer, OfAStateThatChanges) {
    run_all({});
}
TEST(StateTransfer, WithAnswersThatAreLostAndSinksThatStartAgain) {
    run_all({.lost_answers = true, .reopened_sinks = true});
}
TEST(StateTransfer, WithBytesThatFlip) {
    run_all({.flipped_bytes = true});
}
TEST(StateTransfer, WithASourceThatStartsAgain) {
    run_all({.lost_answers = true, .restarted_source = true});
}

TEST(StateTransfer, RequestAsDocumented) {
    StateRequest request{StateOp::begin, 1, 512U << 10U, 0, 0, 0, 0, ""};
    EXPECT_EQ(to_hex(encode_request(request)),
              "4b54513101000000010000000000000000000800000000000000000000000000000000000000"
              "7ef3b7bd");
    request.group = 1;
    EXPECT_EQ(to_hex(encode_request(request)).substr(0, 16), "4b54513101000001");
}

TEST(StateTransfer, OfAnotherGroupIsRefusedWithACode) {
    const TempFolder folder;
    ChangingStore source(1, test_options(folder.path()));
    StateRequest request{StateOp::begin, 1, 512U << 10U, 0, 0, 0, 0, ""};
    EXPECT_TRUE(state_transfer::answer(source.source(), encode_request(request)));
    for (const std::uint8_t group : {std::uint8_t{1}, std::uint8_t{15}, std::uint8_t{255}}) {
        request.group = group;
        const auto answer = state_transfer::answer(source.source(), encode_request(request));
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::unsupported);
    }
}

TEST(StateTransfer, OfNothing) {
    const TempFolder at_source, at_sink;
    ChangingStore source(1, test_options(at_source.path()));
    auto sink = open_sink(sink_options(at_sink.path()));
    while (!sink->done()) ASSERT_TRUE(exchange(source.source(), *sink));
    sink.reset();
    expect_copy(at_sink.path(), source, 0);
}

}  // namespace
}  // namespace kontor::state_transfer
