#pragma once
// What an account needs to speak with its channel: named values, sealed in the state
// (docs/formats/sealed.md).
//
// Threading: values. Errors of unseal(): what Sealer::open() says; corruption where the text is no
// credentials. Limits: kFields fields, names of kFieldNameBytes, values of kFieldValueBytes.

#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/crypto/crypto.h"

namespace kontor::connectors {

inline constexpr std::size_t kFields = 32;
inline constexpr std::size_t kFieldNameBytes = 64;
inline constexpr std::size_t kFieldValueBytes = 16U << 10U;  // a certificate chain fits

class Credentials {
 public:
    void set(std::string_view name, crypto::Secret value);
    void erase(std::string_view name);
    // "" if it is not set.
    [[nodiscard]] std::string_view find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names() const;

    [[nodiscard]] std::string seal(const crypto::Sealer& sealer) const;
    [[nodiscard]] static Result<Credentials> unseal(const crypto::Sealer& sealer, std::string_view sealed);

 private:
    struct One {
        std::string name;
        crypto::Secret value;
    };
    std::vector<One> all_;  // in the order of their names
};

}  // namespace kontor::connectors
