#include "connectors/credentials.h"

#include <algorithm>

#include "kontor/base/bytes.h"

namespace kontor::connectors {

namespace {
constexpr std::string_view kPurpose = "channel-credentials";
}

void Credentials::set(std::string_view name, crypto::Secret value) {
    const auto at = std::lower_bound(all_.begin(), all_.end(), name,
                                     [](const One& one, std::string_view other) { return one.name < other; });
    if (at != all_.end() && at->name == name)
        at->value = std::move(value);
    else
        all_.insert(at, {std::string(name), std::move(value)});
}

void Credentials::erase(std::string_view name) {
    std::erase_if(all_, [name](const One& one) { return one.name == name; });
}

std::string_view Credentials::find(std::string_view name) const {
    for (const One& one : all_)
        if (one.name == name) return one.value.reveal();
    return {};
}

std::vector<std::string> Credentials::names() const {
    std::vector<std::string> names;
    for (const One& one : all_) names.push_back(one.name);
    return names;
}

// Each: length of the name, name, length of the value, value; lengths of four bytes, big-endian.
std::string Credentials::seal(const crypto::Sealer& sealer) const {
    std::string plain;
    for (const One& one : all_) {
        for (const std::string_view part : {std::string_view(one.name), one.value.reveal()}) {
            put_be32(plain, static_cast<std::uint32_t>(part.size()));
            plain.append(part);
        }
    }
    const crypto::Secret wiped(std::move(plain));
    return sealer.seal(wiped.reveal(), kPurpose);
}

Result<Credentials> Credentials::unseal(const crypto::Sealer& sealer, std::string_view sealed) {
    KONTOR_TRY(std::string opened, sealer.open(sealed, kPurpose));
    const crypto::Secret plain(std::move(opened));
    std::string_view rest = plain.reveal();
    const auto part = [&rest](std::size_t most) -> Result<std::string_view> {
        if (rest.size() < 4) return fail(ErrorCode::corruption, "sealed credentials have another shape");
        const std::size_t size = get_be32(rest);
        rest.remove_prefix(4);
        if (size > rest.size() || size > most)
            return fail(ErrorCode::corruption, "sealed credentials have another shape");
        const std::string_view found = rest.substr(0, size);
        rest.remove_prefix(size);
        return found;
    };
    Credentials credentials;
    while (!rest.empty()) {
        KONTOR_TRY(const std::string_view name, part(kFieldNameBytes));
        KONTOR_TRY(const std::string_view value, part(kFieldValueBytes));
        if (credentials.all_.size() == kFields)
            return fail(ErrorCode::corruption, "sealed credentials have too many fields");
        credentials.set(name, crypto::Secret(std::string(value)));
    }
    return credentials;
}

}  // namespace kontor::connectors
