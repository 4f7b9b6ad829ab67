#pragma once
// A row as it lies in a partition and in a redo file: as it is, or without its zero words
// (docs/formats/partition.md). Records of fixed layout are mostly zeros, and every byte here is written to
// the disk twice.
//
// Pure. Errors: decode() answers nullopt for bytes that are no form. Limits: kMaxSparseBytes.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace kontor::store {

inline constexpr std::size_t kMaxSparseBytes = 512;  // longer rows stay as they are

class RowForm {
 public:
    // Chooses the form; `row` must outlive this object.
    explicit RowForm(std::string_view row);
    [[nodiscard]] std::size_t size() const { return size_; }
    void write(char* out) const;  // size() bytes

 private:
    std::string_view row_;
    std::size_t size_;
    std::size_t words_ = 0;  // 0: as it is
    std::size_t filled_ = 0;
};

using RowBuffer = std::array<char, kMaxSparseBytes>;
// The row; into `buffer` where it has to be put together.
[[nodiscard]] std::optional<std::string_view> decode_row_form(std::string_view form, RowBuffer& buffer);

}  // namespace kontor::store
