// A row of the instance that names no key of public ids: a start says so, and no thread ends the process.
#include <gtest/gtest.h>

#include "domains/all.h"
#include "domains/instance/instance.h"
#include "kontor/instance.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/node/folder.h"
#include "kontor/node/node.h"
#include "kontor/store/store.h"
#include "support/temp_folder.h"

namespace kontor::node {
namespace {

class InstanceRow : public ::testing::Test {
 protected:
    Result<std::unique_ptr<Node>> start(bool read_only = false) {
        NodeOptions options;
        options.folder = folder();
        options.partitions = 1;
        options.cache_bytes = 1U << 20U;
        options.map_bytes = 64U << 20U;
        options.log_segment_bytes = 1U << 20U;
        options.max_log_bytes = 16U << 20U;
        options.read_only = read_only;
        options.clock = &system_clock();
        options.metrics = &metrics_;
        return Node::start(std::move(options));
    }
    // As if an entry had written it.
    void put(const std::string& row) {
        store::StoreOptions options;
        options.folder = store_folder(folder());
        const auto tables = domains::registry().tables();
        options.tables.assign(tables.begin(), tables.end());
        options.partitions = 1;
        options.map_bytes = 64U << 20U;
        auto opened = store::Store::open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().describe();
        store::Store& rows = **opened;
        rows.begin();
        rows.writer().put(machine::table::instance, machine::instance_key().view(), row);
        rows.commit(rows.applied_index() + 1, rows.checkpoint().time_ms);
        rows.freeze(rows.checkpoint().replication_meta);
        rows.wait_for_checkpoint();
        ASSERT_TRUE(rows.failure());
    }
    [[nodiscard]] std::string folder() const { return own_.path() + "/data"; }

    const kontor_test::TempFolder own_{"node-instance"};
    telemetry::Registry metrics_;
};

TEST_F(InstanceRow, WithoutAKeyIsRefused) {
    pb::Instance instance;
    {
        auto node = start();
        ASSERT_TRUE(node) << node.error().describe();
        (*node)->read([&](const store::Reader& rows, std::uint64_t) {
            instance = instance::find_instance(rows).value_or(instance);
        });
        (*node)->stop();
    }
    ASSERT_EQ(instance.id_key().size(), 16U);
    instance.clear_id_key();
    const std::pair<std::string, const char*> rows[] = {
        {instance.SerializeAsString(), "the key of public ids has another size"},
        {"no message", "a row does not parse"}};
    for (const auto& [row, said] : rows) {
        put(row);
        for (const bool read_only : {false, true}) {
            const auto refused = start(read_only);
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().code, ErrorCode::corruption);
            EXPECT_NE(refused.error().message.find(said), std::string::npos) << refused.error().message;
        }
    }
}

}  // namespace
}  // namespace kontor::node
