// Transfers that die at every durable step, limits at their edge, what is refused; and the exchange of the
// copy for the store.

#include <algorithm>
#include <thread>

#include "partition.h"
#include "redo_file.h"
#include "state_wire.h"
#include "transfer_testing.h"

namespace kontor::state_transfer {
namespace {

struct Died {};

// Throws at the n-th step (1: the first); 0: never. What is on disk is then as if the process had died.
std::function<void(const char*)> die_at(std::uint64_t nth, std::vector<std::string>& steps) {
    return [nth, &steps](const char* step) {
        steps.emplace_back(step);
        if (steps.size() == nth) throw Died{};
    };
}

std::uint64_t copy(CopySource& source, StateSink& sink) {
    while (!sink.done()) {
        const auto fed = exchange(source, sink);
        EXPECT_TRUE(fed) << fed.error().describe();
        if (!fed) return 0;
    }
    return sink.progress().index;
}

TEST(StateTransferCrash, OfTheSinkAtEveryDurableStep) {
    const TempFolder at_source;
    ChangingStore source(7, test_options(at_source.path()));
    source.apply(20, 30);
    source.checkpoint();
    std::vector<std::string> all;
    std::uint64_t died = 0;
    for (std::uint64_t nth = 1; nth < 500; ++nth) {
        const TempFolder at_sink;
        std::vector<std::string> steps;
        StateSinkOptions options = sink_options(at_sink.path());
        options.crash_point = die_at(nth, steps);
        std::uint64_t index = 0;
        try {
            auto sink = open_sink(options);
            for (unsigned fed = 0; !sink->done(); ++fed) {
                if (fed == 3) {  // redo files for the copy
                    source.apply(2, 20);
                    source.checkpoint();
                }
                ASSERT_TRUE(exchange(source.source(), *sink));
            }
            index = sink->progress().index;
        } catch (const Died&) {
            ++died;
            options.crash_point = nullptr;
            auto sink = open_sink(options);
            if (sink->done()) {
                index = sink->progress().index;
            } else {
                index = copy(source.source(), *sink);
            }
            EXPECT_EQ(sink->progress().restarts, 0U) << steps.back();
        }
        expect_copy(at_sink.path(), source, index);
        ASSERT_FALSE(testing::Test::HasFailure()) << "step " << nth << " " << steps.back();
        if (steps.size() < nth) {
            all = steps;
            break;
        }
        // Those that died when all was finished took no leave.
        if (source.source().stats().transfers > 2) {
            source.reopen();
        }
    }
    EXPECT_EQ(died, all.size());
    for (const char* step :
         {"transfer-began", "rows-committed", "tree-noted", "rows-noted", "redo-committed", "redo-noted",
          "partition-verified", "finishing-noted", "meta-written", "partitions-named", "copy-finished"})
        EXPECT_NE(std::find(all.begin(), all.end(), step), all.end()) << step;
}

// A finished copy of another state beside a live store.
void prepare(ChangingStore& source, const std::string& live, bool with_live, Model& old) {
    if (with_live) {
        ChangingStore before(99, test_options(live));
        before.apply(5, 10);
        before.checkpoint();
        old = before.model_at(before.index());
    }
    auto sink = open_sink(sink_options(live));
    (void)copy(source.source(), *sink);
}

TEST(StateTransferCrash, OfTheExchangeAtEveryStep) {
    const TempFolder at_source;
    ChangingStore source(8, test_options(at_source.path()));
    source.apply(5, 30);
    source.checkpoint();
    const Model fresh = source.model_at(source.index());
    for (const bool with_live : {true, false}) {
        bool all_done = false;
        for (std::uint64_t nth = 1; !all_done; ++nth) {
            const TempFolder folder;
            const std::string live = folder.path();
            Model old;
            prepare(source, live, with_live, old);
            std::vector<std::string> steps;
            try {
                ASSERT_TRUE(replace_store_folder(live, incoming_folder(live), die_at(nth, steps)));
                all_done = true;
            } catch (const Died&) {
            }
            // And again, in what the start does.
            std::vector<std::string> again;
            try {
                ASSERT_TRUE(finish_store_replacement(live, die_at(1, again)));
            } catch (const Died&) {
            }
            const auto opened = Store::open(test_options(live));
            ASSERT_TRUE(opened) << opened.error().describe();
            EXPECT_EQ(contents(**opened), fresh) << nth;
            EXPECT_FALSE(std::filesystem::exists(live + ".old"));
            EXPECT_FALSE(std::filesystem::exists(incoming_folder(live)));
            ASSERT_FALSE(testing::Test::HasFailure()) << nth;
        }
    }
}

TEST(StateTransferExchange, Refusals) {
    const TempFolder at_source, folder;
    const std::string live = folder.path();
    ChangingStore source(8, test_options(at_source.path()));
    source.apply(5, 30);
    source.checkpoint();
    {
        auto sink = open_sink(sink_options(live));
        ASSERT_TRUE(exchange(source.source(), *sink));
        const auto second = StateSink::open(sink_options(live));
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, ErrorCode::conflict);
        EXPECT_EQ(replace_store_folder(live, incoming_folder(live)).error().code, ErrorCode::unavailable);
        EXPECT_EQ(replace_store_folder(live, live + ".other").error().code, ErrorCode::invalid_argument);
        (void)copy(source.source(), *sink);
        EXPECT_EQ(replace_store_folder(live, incoming_folder(live)).error().code, ErrorCode::conflict);
    }
    {
        const auto running = open_or_die(test_options(live));
        EXPECT_EQ(replace_store_folder(live, incoming_folder(live)).error().code, ErrorCode::conflict);
    }
    // The copy is gone after the old one was moved away: the old one comes back.
    std::filesystem::rename(live, live + ".old");
    std::filesystem::remove_all(incoming_folder(live));
    ASSERT_TRUE(Store::open(test_options(live)));
    EXPECT_FALSE(std::filesystem::exists(live + ".old"));
    // Somebody made an empty folder meanwhile: nothing is removed.
    std::filesystem::rename(live, live + ".old");
    std::filesystem::create_directories(live);
    EXPECT_EQ(Store::open(test_options(live)).error().code, ErrorCode::corruption);
    EXPECT_TRUE(std::filesystem::exists(live + ".old/partitions"));
}

// Every checkpoint merges what it wrote: no partition needs redo files.
StoreOptions eager_options(const std::string& folder) {
    StoreOptions options = test_options(folder);
    options.write_back_bytes = 1;
    return options;
}

std::size_t redo_files(const std::string& folder) {
    return list_redo_files(folder + "/redo")->size();
}

TEST(StateTransferLimits, RedoFilesStayWhileATransferLivesOnly) {
    const TempFolder at_source, at_sink;
    ChangingStore source(3, eager_options(at_source.path()));
    source.apply(5, 30);
    source.checkpoint();
    auto sink = open_sink(sink_options(at_sink.path()));
    ASSERT_TRUE(exchange(source.source(), *sink));
    for (int i = 0; i < 3; ++i) {
        source.apply(1, 5);
        source.checkpoint();
    }
    EXPECT_EQ(redo_files(at_source.path()), 3U);  // (that of B is not needed)
    EXPECT_GT(source.source().stats().kept_redo_bytes, 0U);
    const std::uint64_t index = copy(source.source(), *sink);
    EXPECT_EQ(redo_files(at_source.path()), 1U);
    EXPECT_EQ(source.source().stats().kept_redo_bytes, 0U);
    sink.reset();
    expect_copy(at_sink.path(), source, index);
}

TEST(StateTransferLimits, OfTransfersAndKeptBytes) {
    const TempFolder at_source;
    StoreOptions options = eager_options(at_source.path());
    options.transfer_max_kept_bytes = 2'000;
    ChangingStore source(3, options);
    std::vector<std::unique_ptr<TempFolder>> folders;
    std::vector<std::unique_ptr<StateSink>> sinks;
    for (std::size_t i = 0; i <= options.max_transfers; ++i) {
        folders.push_back(std::make_unique<TempFolder>());
        sinks.push_back(open_sink(sink_options(folders.back()->path())));
        const auto fed = exchange(source.source(), *sinks.back());
        ASSERT_EQ(bool(fed), i < options.max_transfers);
        if (!fed) {
            EXPECT_EQ(fed.error().code, ErrorCode::overloaded);
        }
    }
    (void)copy(source.source(), *sinks.front());
    ASSERT_TRUE(exchange(source.source(), *sinks.back()));  // there is room again
    // More redo files than may be kept: all but the newest count.
    for (int i = 0; i < 3; ++i) {
        source.apply(3, 30);
        source.checkpoint();
    }
    EXPECT_EQ(source.source().stats().transfers, 0U);
    EXPECT_EQ(redo_files(at_source.path()), 1U);
    ASSERT_TRUE(exchange(source.source(), *sinks.back()));
    EXPECT_EQ(sinks.back()->progress().restarts, 1U);
    EXPECT_NE(sinks.back()->progress().restart_reason.find("transfer_max_kept_bytes"), std::string::npos);
    (void)copy(source.source(), *sinks.back());
}

TEST(StateTransferLimits, ALeaseLapses) {
    const TempFolder at_source, at_sink;
    StoreOptions options = eager_options(at_source.path());
    options.transfer_lease_ms = 300;
    ChangingStore source(3, options);
    source.apply(5, 30);
    source.checkpoint();
    auto sink = open_sink(sink_options(at_sink.path()));
    ASSERT_TRUE(exchange(source.source(), *sink));
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    for (int i = 0; i < 2; ++i) {
        source.apply(1, 5);
        source.checkpoint();
    }
    EXPECT_EQ(redo_files(at_source.path()), 1U);
    const std::uint64_t index = copy(source.source(), *sink);
    EXPECT_EQ(sink->progress().restarts, 1U);
    EXPECT_NE(sink->progress().restart_reason.find("300 ms"), std::string::npos);
    sink.reset();
    expect_copy(at_sink.path(), source, index);
}

TEST(StateTransferLimits, AComparisonThatTakesTooLongEnds) {
    const TempFolder at_source, at_sink;
    StoreOptions options = test_options(at_source.path());
    options.max_view_ms = 1;
    ChangingStore source(3, options);
    source.apply(5, 30);
    source.checkpoint();
    auto sink = open_sink(sink_options(at_sink.path()));
    Result<void> fed;
    for (int i = 0; i < 1'000 && fed; ++i) {
        fed = exchange(source.source(), *sink);
        if (sink->progress().phase == StateTransferPhase::verifying)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, ErrorCode::timeout);
    EXPECT_NE(fed.error().message.find("limits: 1 ms"), std::string::npos) << fed.error().message;
}

TEST(StateTransferLimits, TheLongestRowAndTheSmallestAnswers) {
    const TempFolder at_source, at_sink;
    const auto store = open_or_die(test_options(at_source.path()));
    std::string noise(kMaxValueBytes, '\0');
    std::mt19937_64 random(1);
    for (char& byte : noise) byte = static_cast<char>(random());
    store->begin();
    store->writer().put(kPlain, std::string(kMaxKeyBytes, 'k'), noise);
    store->writer().put(kAppended, std::string(kMaxKeyBytes, 'k'), noise);
    store->commit(1, 10);
    store->freeze("");
    store->wait_for_checkpoint();
    auto sink = open_sink(sink_options(at_sink.path()));
    EXPECT_EQ(copy(store->copy_source(), *sink), 1U);
    StateSinkOptions bad = sink_options(at_sink.path());
    bad.max_response_bytes = kMinStateResponseBytes - 1;
    EXPECT_EQ(StateSink::open(bad).error().code, ErrorCode::invalid_argument);
    bad.max_response_bytes = kMaxStateResponseBytes + 1;
    EXPECT_EQ(StateSink::open(bad).error().code, ErrorCode::invalid_argument);
}

TEST(StateTransferRefuses, AnotherNumberOfPartitionsOrOtherTables) {
    const TempFolder at_source, at_sink;
    ChangingStore source(3, test_options(at_source.path()));
    StateSinkOptions options = sink_options(at_sink.path());
    options.partitions = 5;
    EXPECT_EQ(exchange(source.source(), *open_sink(options)).error().code, ErrorCode::conflict);
    options.partitions = 0;
    options.tables[1].partition_key_bytes = 3;
    EXPECT_EQ(exchange(source.source(), *open_sink(options)).error().code, ErrorCode::conflict);
    options = sink_options(at_sink.path());
    options.tables.erase(options.tables.begin() + 3);  // the appended one
    EXPECT_EQ(exchange(source.source(), *open_sink(options)).error().code, ErrorCode::conflict);
    EXPECT_EQ(state_transfer::answer(source.source(), "").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(
        state_transfer::answer(source.source(), std::string(kMaxStateRequestSize + 1, 'x')).error().code,
        ErrorCode::invalid_argument);
}

TEST(StateTransferRefuses, ACopyThatDiffers) {
    const TempFolder at_source, at_sink;
    ChangingStore source(3, test_options(at_source.path()));
    source.apply(20, 30);
    source.checkpoint();
    const StateSinkOptions options = sink_options(at_sink.path());
    auto sink = open_sink(options);
    while (sink->progress().partitions_verified < 2) ASSERT_TRUE(exchange(source.source(), *sink));
    sink.reset();
    {
        const auto partition =
            Partition::open(options.folder + "/partitions.incoming/03", 3, options.map_bytes, options.tables);
        const RowImage row{kAppended, false, "zzz", "a row too many"};
        ASSERT_TRUE((*partition)
                        ->write({&row, 1}, PartitionMeta{4, 3, 0, source.store().checkpoint(),
                                                         source.store().checkpoint().index}));
    }
    sink = open_sink(options);
    Result<void> fed;
    while (fed && !sink->done()) fed = exchange(source.source(), *sink);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, ErrorCode::corruption);
    EXPECT_NE(fed.error().message.find("partition 03, table appended (4): "), std::string::npos)
        << fed.error().message;
    EXPECT_EQ(replace_store_folder(at_sink.path(), options.folder).error().code, ErrorCode::unavailable);
    const std::uint64_t index = copy(source.source(), *sink);  // and begins again
    sink.reset();
    expect_copy(at_sink.path(), source, index);
}

}  // namespace
}  // namespace kontor::state_transfer
