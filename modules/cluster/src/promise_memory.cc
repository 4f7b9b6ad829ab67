#include "promise_memory.h"

#include <charconv>
#include <utility>

#include "kontor/base/bytes.h"
#include "kontor/json/value.h"
#include "kontor/json/writer.h"

namespace kontor::cluster {

using replication::Promise;

namespace {

constexpr std::pair<std::string_view, std::uint64_t Promise::*> kNumbers[] = {
    {"generation", &Promise::generation},
    {"sequence", &Promise::sequence},
    {"term", &Promise::term},
    {"epoch", &Promise::epoch},
    {"index", &Promise::index}};

std::optional<std::uint64_t> node_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

}  // namespace

std::string forgotten_by_run(const Promise& before, const Promise& now) {
    if (before.generation != 0 && now.generation == before.generation)
        return "start " + std::to_string(now.generation) + " a second time";
    return replication::forgotten(before, now);
}

std::optional<PromiseMemory::Forgotten> PromiseMemory::hear(std::uint64_t node_no, const std::string& run_id,
                                                            const Promise& now) {
    Remembered& remembered = nodes_[node_no];
    if (remembered.run_id != run_id) {
        if (std::string what = forgotten_by_run(remembered.promise, now); !what.empty()) {
            const bool is_known = std::exchange(remembered.forgetful_run, run_id) == run_id;
            return Forgotten{std::move(what), remembered.promise, is_known};
        }
        if (remembered.forgetful_run == run_id)
            return Forgotten{"what it said before", remembered.promise, true};
    }
    remembered.run_id = run_id;
    remembered.promise = now;
    return std::nullopt;
}

bool PromiseMemory::has_forgotten(std::uint64_t node_no, const std::string& run_id) const {
    const auto remembered = nodes_.find(node_no);
    return remembered != nodes_.end() && remembered->second.forgetful_run == run_id;
}

Promise PromiseMemory::promise_of(std::uint64_t node_no) const {
    const auto remembered = nodes_.find(node_no);
    return remembered == nodes_.end() ? Promise{} : remembered->second.promise;
}

std::string PromiseMemory::to_json() const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    for (const auto& [no, one] : nodes_) {
        json.key(std::to_string(no)).begin_object().field("run", to_hex(one.run_id));
        for (const auto& [name, number] : kNumbers) json.field_raw(name, std::to_string(one.promise.*number));
        json.end_object();
    }
    json.end_object();
    return text + "\n";
}

Result<PromiseMemory> PromiseMemory::from_json(const std::string& text) {
    const auto damaged = fail(ErrorCode::invalid_argument, "no text of promises");
    const auto json = JsonValue::parse(text);
    if (!json || !json->is_object()) return damaged;
    PromiseMemory memory;
    for (const JsonValue& one : json->items()) {
        const auto no = node_number(one.name());
        const auto run = one["run"].text();
        if (!no || !run) return damaged;
        Remembered& remembered = memory.nodes_[*no];
        remembered.run_id = from_hex(*run).value_or("");
        for (const auto& [name, number] : kNumbers) {
            const auto value = one[name].unsigned_integer();
            if (!value) return damaged;
            remembered.promise.*number = *value;
        }
    }
    return memory;
}

}  // namespace kontor::cluster
