#pragma once
// Appends JSON to a string. The one way answers and webhook bodies are written: no tree in between, so a body
// costs one allocation.
//
// Threading: value type. Ownership: the string is the caller's and must outlive the writer.
// Errors: none; nesting is the caller's duty (begin and end in pairs). Strings must be valid UTF-8 (the API
// edge refuses others; any_string() takes all); control characters, quotes and backslashes are escaped.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace kontor {

class JsonWriter {
 public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }

    // `name` is a constant of ours: not escaped.
    JsonWriter& key(std::string_view name) {
        put_key(name, "");
        comma_ = false;
        return *this;
    }
    // A key that is not ours (metadata, currencies): escaped.
    JsonWriter& escaped_key(std::string_view name) {
        separate();
        quote(name);
        out_ += ':';
        comma_ = false;
        return *this;
    }

    JsonWriter& string(std::string_view value) {
        separate();
        quote(value);
        comma_ = true;
        return *this;
    }
    // A string that needs no escape: an id, a word of ours.
    JsonWriter& plain_string(std::string_view value) {
        separate();
        out_ += '"';
        out_ += value;
        out_ += '"';
        comma_ = true;
        return *this;
    }
    // A string that nobody has looked at: what is no UTF-8 becomes U+FFFD.
    JsonWriter& any_string(std::string_view value);
    JsonWriter& integer(std::int64_t value) {
        separate();
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out_.append(digits, static_cast<std::size_t>(end - digits));
        comma_ = true;
        return *this;
    }
    JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
    JsonWriter& null() { return raw("null"); }
    // A value that is JSON already.
    JsonWriter& raw(std::string_view json) {
        separate();
        out_ += json;
        comma_ = true;
        return *this;
    }

    JsonWriter& field(std::string_view name, std::string_view value) { return key(name).string(value); }
    JsonWriter& field_integer(std::string_view name, std::int64_t value) { return key(name).integer(value); }
    JsonWriter& field_boolean(std::string_view name, bool value) {
        return field_raw(name, value ? "true" : "false");
    }
    JsonWriter& field_raw(std::string_view name, std::string_view json) {
        put_key(name, json);
        comma_ = true;
        return *this;
    }

    // Members that are JSON already, with a comma before each; the first one's is left out where it begins
    // the object.
    JsonWriter& members(std::string_view text) {
        out_ += comma_ ? text : text.substr(1);
        comma_ = true;
        return *this;
    }
    // The same, and the last one's value comes next.
    JsonWriter& member_key(std::string_view text) {
        out_ += comma_ ? text : text.substr(1);
        comma_ = false;
        return *this;
    }

 private:
    JsonWriter& open(char bracket) {
        separate();
        out_ += bracket;
        comma_ = false;
        return *this;
    }
    JsonWriter& close(char bracket) {
        out_ += bracket;
        comma_ = true;
        return *this;
    }
    void separate() {
        if (comma_) out_ += ',';
    }
    // The string grows once for all of it: an object has some sixty keys.
    void put_key(std::string_view name, std::string_view value) {
        const std::size_t at = out_.size();
        out_.resize(at + (comma_ ? 1 : 0) + name.size() + 3 + value.size());
        char* to = out_.data() + at;
        if (comma_) *to++ = ',';
        *to++ = '"';
        to = std::copy(name.begin(), name.end(), to);
        *to++ = '"';
        *to++ = ':';
        std::copy(value.begin(), value.end(), to);
    }
    void quote(std::string_view text);

    std::string& out_;
    bool comma_ = false;
};

}  // namespace kontor
