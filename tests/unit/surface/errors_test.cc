// How failures below the API become answers of it.
#include "kontor/surface/errors.h"

#include <gtest/gtest.h>

#include "kontor/machine/outcome.h"

namespace kontor::surface {
namespace {

// The router repeats it: only where another try may end otherwise.
TEST(FromFailure, OnlyWhatMayEndOtherwiseIsUndecided) {
    for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::timeout})
        EXPECT_EQ(from_failure({code, ""}, true).outcome, machine::outcome::undecided);
    for (const ErrorCode code : {ErrorCode::conflict, ErrorCode::no_space, ErrorCode::overloaded,
                                 ErrorCode::too_large, ErrorCode::internal, ErrorCode::invalid_argument})
        EXPECT_EQ(from_failure({code, ""}, true).outcome, machine::outcome::ok);
    EXPECT_EQ(from_failure({ErrorCode::timeout, ""}, false).outcome, machine::outcome::ok)
        << "it may have been done, and cannot be repeated";
}

}  // namespace
}  // namespace kontor::surface
