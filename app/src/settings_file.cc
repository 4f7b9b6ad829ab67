#include "settings_file.h"

#include <algorithm>
#include <filesystem>

#include "kontor/base/files.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace kontor::app {
namespace {

std::string assign_node(const Setting& setting, Settings& settings, const toml::node& node) {
    if (const auto* integer = node.as_integer()) return assign(setting, settings, integer->get());
    if (const auto* boolean = node.as_boolean()) return assign(setting, settings, boolean->get());
    if (const auto* text = node.as_string()) return assign(setting, settings, text->get());
    return wrong_kind(setting);
}

bool is_section(std::string_view name) {
    const auto& table = setting_table();
    return std::any_of(table.begin(), table.end(), [name](const Setting& s) {
        return s.key.size() > name.size() && s.key.starts_with(name) && s.key[name.size()] == '.';
    });
}

std::string at_line(const std::string& file, const toml::source_region& region) {
    return file + ":" + std::to_string(region.begin.line);
}

// Whatever the working folder is of the command that reads the file, they mean the same.
constexpr std::string_view kPaths[] = {"data.folder", "data.marker", "secrets.key_file",
                                       "https.certificate_file", "https.private_key_file"};

void resolve_path(const std::string& file, const Setting& setting, Settings& settings) {
    if (std::find(std::begin(kPaths), std::end(kPaths), setting.key) == std::end(kPaths)) return;
    std::string& path = settings.*std::get<std::string Settings::*>(setting.field);
    if (path.empty() || path.front() == '/') return;
    std::error_code ec;
    path = (std::filesystem::absolute(file, ec).parent_path() / path).lexically_normal().string();
}

void load_table(const std::string& file, const std::string& section, const toml::table& table,
                Settings& settings, std::vector<Problem>& problems, LoadNotes& notes) {
    for (const auto& [name, node] : table) {
        const std::string key =
            section.empty() ? std::string(name.str()) : section + "." + std::string(name.str());
        const std::string where = at_line(file, node.source());
        const Setting* setting = find_setting(key);
        const auto* inner = node.as_table();
        if (inner != nullptr && setting == nullptr && (is_section(key) || !inner->empty())) {
            load_table(file, key, *inner, settings, problems, notes);
            continue;
        }
        if (setting != nullptr) notes.origins.insert_or_assign(key, where);
        const std::string what =
            setting != nullptr ? assign_node(*setting, settings, node) : unknown_setting(key);
        if (what.empty()) resolve_path(file, *setting, settings);
        if (!what.empty()) problems.push_back({where, what, setting != nullptr ? key : ""});
    }
}

// The line of the first non-ASCII byte outside of strings and comments; 0: there is none. TOML has none
// there, and the parser's behaviour is undefined for some of them (tomlplusplus 3.2,
// is_non_ascii_horizontal_whitespace).
std::size_t stray_byte_line(std::string_view text) {
    std::size_t line = 1;
    std::string_view quote;  // what ends the string that we are in
    bool comment = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            ++line;
            comment = false;
            if (quote.size() == 1) quote = {};  // an open string: the parser says so
        } else if (comment) {
            continue;
        } else if (!quote.empty()) {
            if (c == '\\' && quote[0] == '"') {
                ++i;
            } else if (text.substr(i).starts_with(quote)) {
                i += quote.size() - 1;
                quote = {};
            }
        } else if (c == '"' || c == '\'') {
            const std::string_view triple = c == '"' ? R"(""")" : "'''";
            quote = text.substr(i).starts_with(triple) ? triple : triple.substr(0, 1);
            i += quote.size() - 1;
        } else if (c == '#') {
            comment = true;
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            return line;
        }
    }
    return 0;
}

// What editors of other systems put at the start of a file.
constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16Marks[] = {"\xFF\xFE", "\xFE\xFF"};

// What is wrong with the file as a text; "" nothing.
Problem unreadable(const std::string& file, std::string_view text) {
    for (const std::string_view mark : kUtf16Marks)
        if (text.starts_with(mark)) return {file + ":1", "is UTF-16; save it as UTF-8"};
    if (const std::size_t line = stray_byte_line(text); line != 0)
        return {file + ":" + std::to_string(line), "a letter that is not ASCII outside of quotes"};
    return {};
}

}  // namespace

void load_settings_file(const std::string& file, Settings& settings, std::vector<Problem>& problems,
                        LoadNotes& notes) {
    notes.is_file_broken = true;
    const auto content = read_file_within(file);
    if (!content) {
        problems.push_back({file, "cannot be read; does it exist, and may this user read it? (" +
                                      content.error().message + ")"});
        return;
    }
    std::string_view text = *content;
    if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
    if (Problem problem = unreadable(file, text); !problem.what.empty()) {
        problems.push_back(std::move(problem));
        return;
    }
    const toml::parse_result parsed = toml::parse(text, file);
    if (!parsed) {
        problems.push_back(
            {at_line(file, parsed.error().source()), std::string(parsed.error().description())});
        return;
    }
    notes.is_file_broken = false;
    load_table(file, "", parsed.table(), settings, problems, notes);
}

}  // namespace kontor::app
