// What entries changed, row by row (kontor/store/entry_hash.h).

#include <algorithm>
#include <bit>
#include <map>

#include "entry_hasher.h"
#include "kontor/base/byte_reader.h"
#include "kontor/store/entry_hash.h"

namespace kontor::store {
namespace {

constexpr std::string_view kRowsMagic = "KENR";
constexpr std::size_t kFirstBuffer = 64U << 10U;
constexpr std::uint64_t kFactor = 0x9E37'79B1'85EB'CA87U;

}  // namespace

void EntryRows::add(std::uint64_t index, std::string_view rows) {
    const std::scoped_lock lock(mutex_);
    if (pieces_.size() >= kMaxEntryHashes) pieces_.pop_front();
    const std::size_t in_use = pieces_.empty() ? 0 : end_ - pieces_.front().at;
    if (in_use + rows.size() > buffer_.size() && buffer_.size() < kMaxKeptRowBytes) {
        // Twice as large, and laid out anew from its beginning.
        std::size_t wanted = std::max(buffer_.size() * 2, kFirstBuffer);
        while (wanted < in_use + rows.size()) wanted *= 2;
        std::string larger(std::min(wanted, kMaxKeptRowBytes), '\0');
        std::size_t at = 0;
        for (Piece& piece : pieces_) {
            for (std::size_t i = 0; i < piece.bytes; ++i)
                larger[at + i] = buffer_[(piece.at + i) % buffer_.size()];
            piece.at = at;
            at += piece.bytes;
        }
        end_ = at;
        buffer_ = std::move(larger);
    }
    while (!pieces_.empty() && end_ + rows.size() - pieces_.front().at > buffer_.size()) pieces_.pop_front();
    pieces_.push_back({index, end_, rows.size()});
    const std::size_t begin = buffer_.empty() ? 0 : end_ % buffer_.size();
    const std::size_t first = std::min(rows.size(), buffer_.size() - begin);
    rows.copy(buffer_.data() + begin, first);
    rows.substr(first).copy(buffer_.data(), rows.size() - first);
    end_ += rows.size();
}

std::string EntryRows::find(std::uint64_t index, TableId table, unsigned partition) const {
    std::string rows;
    {
        const std::scoped_lock lock(mutex_);
        const auto found =
            std::lower_bound(pieces_.begin(), pieces_.end(), index,
                             [](const Piece& piece, std::uint64_t at) { return piece.index < at; });
        if (found == pieces_.end() || found->index != index) return "";
        const std::size_t begin = buffer_.empty() ? 0 : found->at % buffer_.size();
        const std::size_t first = std::min(found->bytes, buffer_.size() - begin);
        rows.assign(buffer_, begin, first);
        rows.append(buffer_, 0, found->bytes - first);
    }
    std::string out(kRowsMagic);
    for (std::size_t at = 0; at < rows.size();) {
        const std::size_t key_bytes = static_cast<unsigned char>(rows[at + 2]);
        const std::size_t bytes = kRowHeadBytes + key_bytes + kRowHashBytes;
        if (static_cast<unsigned char>(rows[at]) == table &&
            static_cast<unsigned char>(rows[at + 1]) == partition)
            out.append(rows, at + 2, bytes - 2);
        at += bytes;
    }
    return out;
}

namespace {

// Key -> what became of it, in order.
using RowsByKey = std::map<std::string, std::uint64_t, std::less<>>;

Result<RowsByKey> changes_by_key(std::string_view bytes) {
    const auto bad = [] { return fail(ErrorCode::corruption, "the rows of an entry cannot be read"); };
    ByteReader in(bytes);
    if (in.take(kRowsMagic.size()) != kRowsMagic) return bad();
    RowsByKey rows;
    while (in.is_good() && !in.is_at_end()) {
        const std::string key(in.take(in.number<std::uint8_t>()));
        const auto hash = in.number<std::uint32_t>();
        if (!in.is_good()) return bad();
        std::uint64_t& all = rows[key];
        all = std::rotl(all, 29) * kFactor + hash + 1;
    }
    if (!in.is_at_end()) return bad();
    return rows;
}

}  // namespace

Result<std::optional<KeyRange>> differing_keys(std::string_view mine, std::string_view theirs) {
    KONTOR_TRY(const auto here, changes_by_key(mine));
    KONTOR_TRY(const auto there, changes_by_key(theirs));
    KeyRange range;
    const auto differs = [&](const std::string& key) {
        if (range.rows++ == 0 || key < range.first) range.first = key;
        if (range.rows == 1 || key > range.last) range.last = key;
    };
    for (const auto& [key, what] : here) {
        const auto other = there.find(key);
        if (other == there.end() || other->second != what) differs(key);
    }
    for (const auto& [key, what] : there)
        if (!here.contains(key)) differs(key);
    if (range.rows == 0) return std::optional<KeyRange>{};
    return std::optional<KeyRange>(std::move(range));
}

}  // namespace kontor::store
