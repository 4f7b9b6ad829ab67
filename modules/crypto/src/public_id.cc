#include "kontor/crypto/public_id.h"

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>

#include "kontor/base/assert.h"
#include "kontor/crypto/crypto.h"
#include "kontor/crypto/permutation.h"

namespace kontor {
namespace {

// Frozen.
constexpr std::uint8_t kIdPurpose = 1, kPositionPurpose = 2;
constexpr char kPositionVersion = '1';

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kWidth = 11;  // 62^11 > 2^64

// What a digit is worth, by its byte; 255: none.
constexpr std::array<std::uint8_t, 256> kValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(255);
    for (std::size_t i = 0; i < kDigits.size(); ++i)
        values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
    return values;
}();

// In two halves, which the processor works on at the same time.
void write_digits(char* end, std::uint64_t number) {
    constexpr std::uint64_t kFiveDigits = 62ULL * 62 * 62 * 62 * 62;
    std::uint64_t high = number / kFiveDigits, low = number % kFiveDigits;
    for (std::size_t i = 0; i < 5; ++i) {
        *--end = kDigits[low % kDigits.size()];
        *(end - 5) = kDigits[high % kDigits.size()];
        low /= kDigits.size();
        high /= kDigits.size();
    }
    *(end - 6) = kDigits[high];
}

std::optional<std::uint64_t> read_digits(std::string_view digits) {
    if (digits.size() != kWidth) return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : digits) {
        const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
        if (value >= kDigits.size() || __builtin_mul_overflow(number, kDigits.size(), &number) ||
            __builtin_add_overflow(number, std::uint64_t{value}, &number))
            return std::nullopt;
    }
    return number;
}

struct Keyed {
    std::string key;
    crypto::Permutation ids, positions;
};
std::atomic<const Keyed*> g_keyed{nullptr};

const Keyed& keyed() {
    const Keyed* known = g_keyed.load(std::memory_order_acquire);
    KONTOR_ASSERT(known != nullptr, "an id is shown before the instance's key is known");
    return *known;
}

// A page of the operating system's randomness a thread, number by number.
std::uint64_t draw() {
    constexpr std::size_t kNumbers = 512;
    thread_local std::array<std::uint64_t, kNumbers> numbers;
    thread_local std::size_t left = 0;
    if (left == 0) {
        const std::string bytes = crypto::random_bytes(sizeof(numbers));
        std::memcpy(numbers.data(), bytes.data(), sizeof(numbers));
        left = kNumbers;
    }
    return numbers[--left];
}

}  // namespace

void set_id_key(std::string_view key) {
    static std::mutex mutex;
    static std::deque<Keyed> all;  // stay, for who is reading
    const std::lock_guard lock(mutex);
    const Keyed* known = g_keyed.load(std::memory_order_relaxed);
    if (known != nullptr && known->key == key) return;
    g_keyed.store(&all.emplace_back(Keyed{std::string(key), crypto::Permutation(key, kIdPurpose),
                                          crypto::Permutation(key, kPositionPurpose)}),
                  std::memory_order_release);
}

std::string format_id(std::string_view prefix, ObjectNo no) {
    std::string out(prefix.size() + 1 + kWidth, '_');
    out.replace(0, prefix.size(), prefix);
    write_digits(out.data() + out.size(), keyed().ids.forward(no));
    return out;
}

std::optional<ObjectNo> parse_id(std::string_view prefix, std::string_view id) {
    if (id.size() != prefix.size() + 1 + kWidth || !id.starts_with(prefix) || id[prefix.size()] != '_')
        return std::nullopt;
    const auto number = read_digits(id.substr(prefix.size() + 1));
    const Keyed* known = g_keyed.load(std::memory_order_acquire);
    if (!number || known == nullptr) return std::nullopt;
    const ObjectNo no = known->ids.backward(*number);
    if (no == 0) return std::nullopt;  // 0 means "none" in every record; no object has it
    return no;
}

std::string format_position(LogPosition position, std::uint64_t chance) {
    KONTOR_ASSERT(position.group <= kMaxGroup && position.index <= kMaxLogIndex, "no such position of a log");
    const crypto::Permutation& permutation = keyed().positions;
    const std::uint64_t plain = (position.group << (64 - kGroupBits)) | position.index;
    std::string out(1 + 2 * kWidth, kPositionVersion);
    write_digits(out.data() + 1 + kWidth, chance);
    write_digits(out.data() + out.size(), permutation.forward(permutation.forward(chance) ^ plain));
    return out;
}

std::string format_position(LogPosition position) {
    return format_position(position, draw());
}

std::optional<LogPosition> parse_position(std::string_view token) {
    if (token.size() != 1 + 2 * kWidth || token.front() != kPositionVersion) return std::nullopt;
    const auto chance = read_digits(token.substr(1, kWidth)), number = read_digits(token.substr(1 + kWidth));
    const Keyed* known = g_keyed.load(std::memory_order_acquire);
    if (!chance || !number || known == nullptr) return std::nullopt;
    const std::uint64_t plain = known->positions.backward(*number) ^ known->positions.forward(*chance);
    const LogPosition position{plain >> (64 - kGroupBits), plain & kMaxLogIndex};
    if (plain != ((position.group << (64 - kGroupBits)) | position.index)) return std::nullopt;
    return position;
}

}  // namespace kontor
