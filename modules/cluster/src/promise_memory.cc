#include "promise_memory.h"

#include <nlohmann/json.hpp>

#include "kontor/base/bytes.h"

namespace kontor::cluster {

using Json = nlohmann::ordered_json;
using replication::Promise;

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
    Json json = Json::object();
    for (const auto& [no, one] : nodes_)
        json[std::to_string(no)] =
            Json{{"run", to_hex(one.run_id)},        {"generation", one.promise.generation},
                 {"sequence", one.promise.sequence}, {"term", one.promise.term},
                 {"epoch", one.promise.epoch},       {"index", one.promise.index}};
    return json.dump(1) + "\n";
}

Result<PromiseMemory> PromiseMemory::from_json(const std::string& text) {
    PromiseMemory memory;
    try {
        const Json json = Json::parse(text);
        for (const auto& [number, one] : json.items()) {
            const auto value = [&one = one](const char* name) { return one.at(name).get<std::uint64_t>(); };
            Remembered& remembered = memory.nodes_[std::stoull(number)];
            remembered.run_id = from_hex(one.at("run").get<std::string>()).value_or("");
            remembered.promise = {value("generation"), value("sequence"), value("term"), value("epoch"),
                                  value("index")};
        }
    } catch (const std::exception&) {
        return fail(ErrorCode::invalid_argument, "no text of promises");
    }
    return memory;
}

}  // namespace kontor::cluster
