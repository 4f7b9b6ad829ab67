#include "entry.h"

#include <gtest/gtest.h>

#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"

namespace kontor::node {
namespace {

std::string batch_of(const std::vector<std::string>& names) {
    pb::Batch head;
    head.set_version(1);
    head.set_machine_ms(1'000);
    std::string batch = head.SerializeAsString();
    for (const std::string& name : names) {
        pb::Command command;
        mutable_body(command, pb::create_customer)->set_name(name);
        append_command(batch, command.SerializeAsString());
    }
    return batch;
}

TEST(Entry, TheFormatPagesExample) {
    EXPECT_EQ(to_hex(encode_entry(batch_of({}))), "00080110e807");
}

TEST(Entry, CommandsComeBackWhateverTheirSize) {
    for (const std::size_t size : {0U, 1U, 127U, 128U, 300U, 16'384U, 500'000U}) {
        const std::string name(size, 'n');
        pb::Batch batch;
        ASSERT_TRUE(decode_entry(encode_entry(batch_of({name, "second"})), batch)) << size;
        EXPECT_EQ(batch.version(), 1U);
        EXPECT_EQ(batch.machine_ms(), 1'000);
        ASSERT_EQ(batch.commands_size(), 2);
        EXPECT_EQ(body(batch.commands(0), pb::create_customer).name(), name);
        EXPECT_EQ(body(batch.commands(1), pb::create_customer).name(), "second");
    }
}

TEST(Entry, IsWhatProtobufItselfWouldWrite) {
    pb::Batch batch;
    batch.set_version(1);
    batch.set_machine_ms(1'000);
    mutable_body(*batch.add_commands(), pb::create_customer)->set_name("a");
    mutable_body(*batch.add_commands(), pb::create_customer)->set_name(std::string(200, 'b'));
    EXPECT_EQ(batch_of({"a", std::string(200, 'b')}), batch.SerializeAsString());
}

TEST(Entry, CompressesWhatPays) {
    const std::string small = encode_entry(batch_of({}));
    EXPECT_EQ(small[0], 0);
    const std::string batch = batch_of({std::string(10'000, 'x')});
    const std::string large = encode_entry(batch);
    EXPECT_EQ(large[0], 1);
    EXPECT_LT(large.size(), batch.size() / 10);
}

TEST(Entry, DamageIsCorruptionAndNeverAGuess) {
    pb::Batch batch;
    EXPECT_EQ(decode_entry("", batch).error().code, ErrorCode::corruption);
    EXPECT_EQ(decode_entry(std::string(1, '\x07'), batch).error().code, ErrorCode::unsupported);
    EXPECT_EQ(decode_entry(std::string("\x00\xFF\xFF", 3), batch).error().code, ErrorCode::corruption);
    EXPECT_EQ(decode_entry("\x01no frame", batch).error().code, ErrorCode::corruption);
    const std::string good = encode_entry(batch_of({std::string(10'000, 'x')}));
    EXPECT_EQ(decode_entry(good.substr(0, good.size() - 3), batch).error().code, ErrorCode::corruption);
    // A frame that says it holds more than an entry may: nothing of that size is made.
    std::string huge("\x01\x28\xB5\x2F\xFD\xE0", 6);
    put_le<std::uint64_t>(huge, std::uint64_t{1} << 40U);
    EXPECT_EQ(decode_entry(huge, batch).error().code, ErrorCode::corruption);
}

}  // namespace
}  // namespace kontor::node
