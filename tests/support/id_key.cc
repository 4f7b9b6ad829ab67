// The key of public ids that every test begins with. A node that a test starts brings its instance's.
#include "kontor/crypto/public_id.h"

namespace {

const bool kIsSet = [] {
    kontor::set_id_key("the key of tests");
    return true;
}();

}  // namespace
