#pragma once
// Takes numbers and texts from bytes that may be too few or wrong (bytes.h puts them there).
//
// Threading: none. Ownership: views of what it was given. Errors: is_good().

#include <cstring>
#include <string_view>

namespace kontor {

// Takes bytes apart; once they are too few, everything is 0 and is_good() false.
class ByteReader {
 public:
    explicit ByteReader(std::string_view in) : in_(in) {}
    template <typename T>
    T number() {
        const std::string_view bytes = take(sizeof(T));
        T value{};
        if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
        return value;
    }
    std::string_view take(std::size_t size) {
        if (size > in_.size()) {
            good_ = false;
            in_ = {};
            return {};
        }
        const std::string_view bytes = in_.substr(0, size);
        in_.remove_prefix(size);
        return bytes;
    }
    std::string_view rest() { return take(in_.size()); }
    [[nodiscard]] bool is_good() const { return good_; }
    [[nodiscard]] bool is_at_end() const { return good_ && in_.empty(); }

 private:
    std::string_view in_;
    bool good_ = true;
};

}  // namespace kontor
