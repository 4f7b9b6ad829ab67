#include "kontor/machine/fields.h"

#include <array>

namespace kontor::machine {

namespace {

using fields::Absent;

struct Deleted {
    std::string_view object;
    std::string_view id_prefix;
    std::uint64_t no = 0;
};
std::string id_of(const Deleted& deleted) {
    return format_id(deleted.id_prefix, deleted.no);
}

using Row = fields::Field<Deleted>;
constexpr std::array kDeleted = {
    Row{"id", fields::text<&id_of>(), Absent::never},
    Row{"object", fields::text<&Deleted::object>(), Absent::never, "The kind that it was of."},
    Row{"deleted", fields::literal("true"), Absent::never},
};

}  // namespace

constinit const fields::Shape kDeletedShape = fields::shape<kDeleted>(fields::kDeletedObject);

std::string deleted_json(std::string_view object, std::string_view id_prefix, std::uint64_t no) {
    return render_object<kDeleted>(Deleted{object, id_prefix, no}, 96);
}

}  // namespace kontor::machine
