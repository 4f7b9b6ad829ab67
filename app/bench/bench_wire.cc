#include "bench_wire.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kontor/crypto/crypto.h"

namespace kontor::app {
namespace {

// Field numbers of ledger_api.proto; wire types: 0 varint, 1 fixed64, 2 length-delimited.
constexpr char fixed64_tag(unsigned field) {
    return static_cast<char>(field << 3U | 1U);
}
constexpr char varint_tag(unsigned field) {
    return static_cast<char>(field << 3U);
}
constexpr char kItem = 1U << 3U | 2U;  // CreateTransfers.transfers, CreateAccounts.accounts, Results.statuses

constexpr std::size_t kFixed64Field = 1 + 8;
// id (2 words), two accounts, amount (tag and 2 bytes), ledger and code (tag and 1 byte each).
constexpr std::size_t kNarrowTransfer = 4 * kFixed64Field + 3 + 2 + 2;
constexpr std::size_t kWideTransfer = kNarrowTransfer + 2 * kFixed64Field;
static_assert(kWideTransfer < 128, "the length prefix is one byte");

char* put_fixed64(char* at, unsigned field, std::uint64_t value) {
    *at++ = fixed64_tag(field);
    std::memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

char* put_small(char* at, unsigned field, unsigned value) {
    *at++ = varint_tag(field);
    *at++ = static_cast<char>(value);
    return at;
}

std::optional<std::uint64_t> take_varint(std::string_view& in) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

}  // namespace

std::uint64_t new_bench_run() {
    std::uint64_t run = 0;
    const std::string bytes = crypto::random_bytes(sizeof run);
    std::memcpy(&run, bytes.data(), sizeof run);
    return run;
}

void put_hex(char* to, WireId id) {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const std::uint64_t word : {id.high, id.low})
        for (int shift = 60; shift >= 0; shift -= 4)
            *to++ = kDigits[(word >> static_cast<unsigned>(shift)) & 15U];
}

PostHead::PostHead(const BenchTarget& target, std::string_view path, std::string_view content_type) {
    text_ = "POST " + std::string(path) + " HTTP/1.1\r\nHost: " + target.authority +
            "\r\nAuthorization: Bearer " + target.key + "\r\nContent-Type: " + std::string(content_type) +
            "\r\nContent-Length: ";
}

void PostHead::append(std::string& out, std::size_t body_bytes) const {
    out += text_;
    out += std::to_string(body_bytes);
    out += "\r\n\r\n";
}

std::string get_request(const BenchTarget& target, std::string_view path) {
    std::string out = "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + target.authority + "\r\n";
    if (!target.key.empty()) out += "Authorization: Bearer " + target.key + "\r\n";
    return out + "\r\n";
}

std::size_t transfer_bytes(bool wide) {
    return 2 + (wide ? kWideTransfer : kNarrowTransfer);
}

void append_transfer(std::string& out, const WireTransfer& transfer, bool wide) {
    std::array<char, 2 + kWideTransfer> bytes;
    char* at = bytes.data();
    *at++ = kItem;
    *at++ = static_cast<char>(wide ? kWideTransfer : kNarrowTransfer);
    at = put_fixed64(at, 1, transfer.id.low);
    at = put_fixed64(at, 2, transfer.id.high);
    at = put_fixed64(at, 3, transfer.debit.low);
    if (wide) at = put_fixed64(at, 4, transfer.debit.high);
    at = put_fixed64(at, 5, transfer.credit.low);
    if (wide) at = put_fixed64(at, 6, transfer.credit.high);
    *at++ = varint_tag(7);
    *at++ = static_cast<char>((transfer.amount & 0x7FU) | 0x80U);
    *at++ = static_cast<char>(transfer.amount >> 7U);
    at = put_small(at, 8, 1);
    at = put_small(at, 9, 1);
    out.append(bytes.data(), static_cast<std::size_t>(at - bytes.data()));
}

void append_account(std::string& out, WireId id, char flags) {
    std::array<char, 2 + 2 * kFixed64Field + 6> bytes;
    char* at = bytes.data() + 2;
    at = put_fixed64(at, 1, id.low);
    if (id.high != 0) at = put_fixed64(at, 2, id.high);
    at = put_small(at, 3, 1);
    at = put_small(at, 4, 1);
    if (flags != 0) at = put_small(at, 5, flags);
    bytes[0] = kItem;
    bytes[1] = static_cast<char>(at - bytes.data() - 2);
    out.append(bytes.data(), static_cast<std::size_t>(at - bytes.data()));
}

bool visit_statuses(std::string_view results, const std::function<void(std::uint32_t)>& visit) {
    while (!results.empty()) {
        if (results.front() != kItem) return false;
        results.remove_prefix(1);
        const auto size = take_varint(results);
        if (!size || *size > results.size()) return false;
        std::string_view packed = results.substr(0, static_cast<std::size_t>(*size));
        results.remove_prefix(packed.size());
        while (!packed.empty()) {
            const auto status = take_varint(packed);
            if (!status) return false;
            visit(static_cast<std::uint32_t>(*status));
        }
    }
    return true;
}

std::optional<std::uint64_t> all_ok(std::string_view results) {
    if (results.empty() || results.front() != kItem) return std::nullopt;
    results.remove_prefix(1);
    const auto size = take_varint(results);
    if (!size || *size != results.size()) return std::nullopt;
    if (results.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
    return results.size();
}

std::string_view json_string(std::string_view json, std::string_view name) {
    for (std::size_t at = json.find(name); at != std::string_view::npos; at = json.find(name, at + 1)) {
        if (at == 0 || json[at - 1] != '"') continue;
        std::string_view rest = json.substr(at + name.size());
        if (!rest.starts_with("\":")) continue;
        rest.remove_prefix(2);
        while (rest.starts_with(' ')) rest.remove_prefix(1);
        if (!rest.starts_with('"')) continue;
        rest.remove_prefix(1);
        return rest.substr(0, rest.find('"'));
    }
    return {};
}

}  // namespace kontor::app
