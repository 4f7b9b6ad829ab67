#include "row_form.h"

#include <cstdint>
#include <cstring>

namespace kontor::store {
namespace {

constexpr std::size_t kWord = 8;

std::uint64_t word_at(const char* bytes, std::size_t i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i * kWord, kWord);
    return word;
}

std::size_t map_bytes(std::size_t words) {
    return (words + 7) / 8;
}

}  // namespace

// First byte: 0, then the row as it is; or its number of words, a map with a bit for each word that is not
// zero (the first word is the lowest bit of the first byte), and those words.
RowForm::RowForm(std::string_view row) : row_(row), size_(1 + row.size()) {
    if (row.empty() || row.size() % kWord != 0 || row.size() > kMaxSparseBytes) return;
    const std::size_t words = row.size() / kWord;
    for (std::size_t i = 0; i < words; ++i) filled_ += word_at(row.data(), i) != 0 ? 1 : 0;
    const std::size_t sparse = 1 + map_bytes(words) + filled_ * kWord;
    if (sparse >= size_) return;
    words_ = words;
    size_ = sparse;
}

void RowForm::write(char* out) const {
    *out++ = static_cast<char>(words_);
    if (words_ == 0) {
        if (!row_.empty()) std::memcpy(out, row_.data(), row_.size());
        return;
    }
    char* map = out;
    std::memset(map, 0, map_bytes(words_));
    out += map_bytes(words_);
    for (std::size_t i = 0; i < words_; ++i) {
        const std::uint64_t word = word_at(row_.data(), i);
        if (word == 0) continue;
        map[i / 8] = static_cast<char>(static_cast<unsigned char>(map[i / 8]) | 1U << (i % 8));
        std::memcpy(out, &word, kWord);
        out += kWord;
    }
}

std::optional<std::string_view> decode_row_form(std::string_view form, RowBuffer& buffer) {
    if (form.empty()) return std::nullopt;
    const std::size_t words = static_cast<unsigned char>(form[0]);
    form.remove_prefix(1);
    if (words == 0) return form;
    if (words * kWord > kMaxSparseBytes || form.size() < map_bytes(words)) return std::nullopt;
    const char* map = form.data();
    const char* from = map + map_bytes(words);
    const char* end = form.data() + form.size();
    for (std::size_t i = 0; i < words; ++i) {
        std::uint64_t word = 0;
        if ((static_cast<unsigned char>(map[i / 8]) >> (i % 8) & 1U) != 0) {
            if (end - from < static_cast<std::ptrdiff_t>(kWord)) return std::nullopt;
            std::memcpy(&word, from, kWord);
            from += kWord;
        }
        std::memcpy(buffer.data() + i * kWord, &word, kWord);
    }
    if (from != end) return std::nullopt;
    return std::string_view(buffer.data(), words * kWord);
}

}  // namespace kontor::store
