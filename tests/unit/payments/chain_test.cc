// The bytes of the audit chain: docs/formats/state.md.

#include "kontor/machine/chain.h"

#include <gtest/gtest.h>

#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/crypto/crypto.h"
#include "kontor/customers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"

namespace kontor::machine {
namespace {

pb::AuditRecord row_of(const std::string& email) {
    pb::AuditRecord row;
    row.set_no(0x50001000);
    row.set_merchant_no(0x10000001);
    row.set_idempotency_key("k");
    row.set_previous_hash(std::string(kChainHashBytes, 'p'));
    pb::Event& event = *row.add_events();
    event.set_no(0x50001001);
    event.set_type("customer.created");
    mutable_object(event, pb::customer)->set_email(email);
    row.set_salt(std::string(kSaltBytes, 's'));
    return row;
}

TEST(Chain, BytesAreFrozen) {
    const std::string row = row_of("a@b.c").SerializeAsString();
    ChainHasher chain;
    EXPECT_EQ(to_hex(row),
              "0880a08080051081808080013a016b4a250881a08080051210637573746f6d65722e637265617465641a"
              "0b080d6a072a056140622e635a10707070707070707070707070707070706a1073737373737373737373"
              "737373737373");
    EXPECT_EQ(to_hex(chain.image_digest(row)),
              "305062806b0f14b41fc778ed3d66cf5dc0f49e4deecc720832f5623267755b07");
    EXPECT_EQ(to_hex(chain.hash(row)), "ab05969ff97a3afa4bfb5875b0684362");
    EXPECT_EQ(to_hex(row_salt(std::string(kSaltBytes, 'b'), {0x10000001, true}, 0x50001000)),
              "a6984b12c78a15e1aee407eb3e1f7fd2");
}

// What docs/formats/state.md says, by hand.
TEST(Chain, IsWhatTheDocumentSays) {
    const std::string mark(1, '\0');
    const pb::AuditRecord whole = row_of("a@b.c");
    pb::AuditRecord before, key, behind;
    before.set_no(whole.no());
    before.set_merchant_no(whole.merchant_no());
    key.set_idempotency_key(whole.idempotency_key());
    behind.set_previous_hash(whole.previous_hash());
    pb::Event frame = whole.events(0), image = whole.events(0);
    frame.clear_object();
    image.clear_no();
    image.clear_type();
    const std::string digest =
        crypto::sha256("\1" + key.SerializeAsString() + mark + image.SerializeAsString() + whole.salt());
    ChainHasher chain;
    EXPECT_EQ(chain.image_digest(whole.SerializeAsString()), digest);
    EXPECT_EQ(chain.hash(whole.SerializeAsString()),
              crypto::sha256(before.SerializeAsString() + "\x4A" + mark + frame.SerializeAsString() + mark +
                             behind.SerializeAsString() + digest)
                  .substr(0, kChainHashBytes));
}

TEST(Chain, EveryBitOfARowCounts) {
    ChainHasher chain;
    const std::string row = row_of("a@b.c").SerializeAsString();
    const std::string hash = chain.hash(row);
    for (std::size_t bit = 0; bit < row.size() * 8; ++bit) {
        std::string flipped = row;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        try {
            EXPECT_NE(chain.hash(flipped), hash) << bit;
        } catch (const RowFailure&) {
            continue;  // no row any more
        }
    }
}

TEST(Chain, WhatIsNoRowIsRefused) {
    ChainHasher chain;
    const std::string row = row_of("a@b.c").SerializeAsString();
    for (std::size_t size = 1; size < row.size(); ++size) {
        pb::AuditRecord parsed;
        const std::string cut = row.substr(0, size);
        if (parsed.ParseFromString(cut)) continue;
        EXPECT_THROW((void)chain.hash(cut), RowFailure) << size;
    }
    for (const std::string& bad : {std::string("\x02x"), std::string("\x4A\x05x"), std::string(11, '\xFF'),
                                   std::string("\x0D\x01\x02\x03\x04")})
        EXPECT_THROW((void)chain.hash(bad), RowFailure) << to_hex(bad);
    EXPECT_EQ(chain.hash(row).size(), kChainHashBytes);
}

// What an operator wrote may be about a customer: it can be erased like an image.
TEST(Chain, AReasonIsAnImage) {
    pb::AuditRecord row = row_of("");
    row.clear_events();
    row.clear_idempotency_key();
    row.set_reason("Ada asked by letter");
    row.mutable_approval()->set_request_no(0x50001001);
    EXPECT_TRUE(has_images(row));
    ChainHasher chain;
    const std::string hash = chain.hash(row.SerializeAsString());
    EXPECT_EQ(chain.image_digest(row.SerializeAsString()),
              crypto::sha256("\2\x82\1\x13" + row.reason() + row.salt()));
    pb::AuditRecord other = row;
    other.set_reason("Eve asked by letter");
    EXPECT_NE(chain.hash(other.SerializeAsString()), hash);
    other = row;
    other.mutable_approval()->set_request_no(0x50001002);
    EXPECT_NE(chain.hash(other.SerializeAsString()), hash);
    row.set_personal_digest(chain.image_digest(row.SerializeAsString()));
    row.clear_reason();
    row.clear_salt();
    EXPECT_EQ(chain.hash(row.SerializeAsString()), hash);
}

// Nothing to erase: no digest, no salt.
TEST(Chain, OfARowWithoutImages) {
    pb::AuditRecord row = row_of("");
    row.clear_events();
    row.clear_idempotency_key();
    row.clear_salt();
    EXPECT_FALSE(has_images(row));
    ChainHasher chain;
    EXPECT_EQ(chain.hash(row.SerializeAsString()),
              crypto::sha256(row.SerializeAsString()).substr(0, kChainHashBytes));
}

}  // namespace
}  // namespace kontor::machine
