#include <openssl/crypto.h>

#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {
// The whole capacity: a shorter value may have been assigned over a longer one.
void wipe(std::string& bytes) {
    bytes.resize(bytes.capacity());
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
}
}  // namespace

Secret::~Secret() {
    wipe(bytes_);
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {
    wipe(other.bytes_);
}

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        wipe(bytes_);
        bytes_ = other.bytes_;
    }
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(bytes_);
        bytes_ = std::move(other.bytes_);
        wipe(other.bytes_);
    }
    return *this;
}

}  // namespace kontor::crypto
