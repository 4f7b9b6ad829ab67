#include <gtest/gtest.h>

#include "kontor/outbox/worker.h"

namespace kontor::outbox {
namespace {

// The expected value was computed with another implementation:
//   printf '1800000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
TEST(WebhookSignature, IsWhatAReceiverComputes) {
    EXPECT_EQ(webhook_signature("whsec_test", 1'800'000'000, R"({"id":"evt_1"})"),
              "t=1800000000,v1=45705be2a45ab5acdd1395cc695e9e7073125385ec24194921c401dff44176f8");
    EXPECT_NE(webhook_signature("whsec_other", 1'800'000'000, R"({"id":"evt_1"})"),
              webhook_signature("whsec_test", 1'800'000'000, R"({"id":"evt_1"})"));
}

}  // namespace
}  // namespace kontor::outbox
