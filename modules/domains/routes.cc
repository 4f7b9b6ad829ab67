#include "domains/routes.h"

#include "lists/routes.h"

namespace kontor::domains {

std::span<const surface::Resource* const> api() {
    return lists::kApi;
}

std::span<const surface::office::Resource* const> admin() {
    return lists::kAdmin;
}

}  // namespace kontor::domains
