#include "kontor/machine/expand.h"

#include <algorithm>

#include "kontor/machine/domain.h"
#include "kontor/machine/limits.h"

namespace kontor::machine {
namespace {

bool expandable(const Registry& registry, const ObjectKind& kind, std::string_view path,
                std::size_t levels_left) {
    if (levels_left == 0) return false;
    const auto dot = path.find('.');
    const std::string_view field = path.substr(0, dot);
    for (const fields::Facts& facts : kind.shape.value->fields) {
        if (facts.kind.type != fields::Type::expandable || facts.name != field) continue;
        if (dot == std::string_view::npos) return true;
        const auto targets = facts.kind.targets;
        return std::any_of(targets.begin(), targets.end(), [&](const fields::Target& target) {
            const ObjectKind* next = registry.object(target.kind);
            return next != nullptr && expandable(registry, *next, path.substr(dot + 1), levels_left - 1);
        });
    }
    return false;
}

// Follows references, collecting what they lead to. Elements of repeated fields keep their address when more
// are added, so what was found stays valid.
class Resolver {
 public:
    Resolver(const Registry& registry, const store::Reader& rows, Scope scope, pb::Result& result)
        : registry_(registry), rows_(rows), scope_(scope), result_(result) {}

    void walk(const pb::Object* from, std::string_view path) {
        while (from != nullptr && !path.empty()) {
            const auto dot = path.find('.');
            from = follow(*from, path.substr(0, dot));
            path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
        }
    }

 private:
    const pb::Object* follow(const pb::Object& at, std::string_view field) {
        const ObjectKind* kind = registry_.object(at.kind());
        if (kind == nullptr || kind->follow.value == nullptr) return nullptr;
        return collect(kind->follow.value(at, field));
    }

    const pb::Object* collect(Pointer to) {
        const ObjectKind* kind = registry_.object(to.kind);
        if (kind == nullptr || kind->find.value == nullptr || to.no == 0) return nullptr;
        auto& objects = *result_.mutable_expanded()->mutable_objects();
        for (const pb::Object& object : objects)
            if (object.kind() == to.kind && kind->number_of.value(object) == to.no) return &object;
        pb::Object found;
        if (!kind->find.value(rows_, scope_, to.no, found)) return nullptr;
        pb::Object& kept = *objects.Add();
        kept.Swap(&found);
        return &kept;
    }

    const Registry& registry_;
    const store::Reader& rows_;
    Scope scope_;
    pb::Result& result_;
};

}  // namespace

bool is_expandable(const Registry& registry, std::string_view object_kind, std::string_view path) {
    const ObjectKind* kind = registry.object(object_kind);
    return kind != nullptr && expandable(registry, *kind, path, limits::kExpandDepth);
}

void resolve_expansion(const Registry& registry, const store::Reader& rows, Scope scope,
                       const std::vector<std::string>& paths, pb::Result& result) {
    Resolver resolver(registry, rows, scope, result);
    const pb::Object start = result.object();
    for (const std::string& path : paths) resolver.walk(&start, path);
}

}  // namespace kontor::machine
