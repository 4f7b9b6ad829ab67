// What is shown of a command before somebody decides about it is all of its body: the records against the
// .proto files.

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "desk.h"

namespace kontor::approvals::testing {
namespace {

struct ProtoField {
    std::string type, name;
    bool repeated = false;
};
using Message = std::map<std::uint32_t, ProtoField>;

struct Protos {
    std::map<std::string, Message> messages;
    std::map<std::uint32_t, std::string> bodies;  // number of the command -> its message

    Protos() {
        for (const auto& file : std::filesystem::directory_iterator(KONTOR_PROTO_DIR)) {
            std::ifstream in(file.path());
            std::stringstream all;
            all << in.rdbuf();
            read(all.str());
        }
    }

 private:
    void read(const std::string& text) {
        static const std::regex begin(R"((message|extend) (\w+) \{)");
        static const std::regex field(R"(^\s*(optional |repeated )?(\w+) (\w+) = (\d+);.*)");
        std::istringstream lines(text);
        std::string line, message;
        bool is_extension = false;
        while (std::getline(lines, line)) {
            std::smatch found;
            if (std::regex_search(line, found, begin)) {
                is_extension = found[1] == "extend";
                message = found[2];
            } else if (std::regex_match(line, found, field)) {
                const auto number = static_cast<std::uint32_t>(std::stoul(found[4]));
                if (is_extension && message == "Command")
                    bodies[number] = found[2];
                else if (!is_extension)
                    messages[message][number] = {found[2], found[3], found[1] == "repeated "};
            }
        }
    }
};

bool fits(Shown shown, const ProtoField& field) {
    const bool is_number = field.type == "uint32" || field.type == "uint64" || field.type == "int64";
    switch (shown) {
        case Shown::text:
            return !field.repeated && field.type == "string";
        case Shown::texts:
        case Shown::texts_if_any:
            return field.repeated && field.type == "string";
        case Shown::integer:
            return !field.repeated && is_number;
        case Shown::boolean:
            return !field.repeated && field.type == "bool";
        case Shown::currency:
        case Shown::command:
            return !field.repeated && field.type == "uint32";
        case Shown::currencies:
            return field.repeated && field.type == "uint32";
        case Shown::id:
            return !field.repeated && field.type == "uint64";
        case Shown::messages:
            return field.repeated && !is_number;
        case Shown::personal:
        case Shown::secret:
            return true;
    }
    return false;
}

void expect_complete(const Protos& protos, const std::string& message, std::span<const CommandField> fields) {
    SCOPED_TRACE(message);
    const auto found = protos.messages.find(message);
    ASSERT_NE(found, protos.messages.end());
    std::set<std::uint32_t> described;
    for (const CommandField& field : fields) {
        described.insert(field.number);
        const auto at = found->second.find(field.number);
        ASSERT_NE(at, found->second.end()) << field.name.value;
        EXPECT_TRUE(fits(field.shown, at->second)) << field.name.value << " is a " << at->second.type;
        if (field.shown.value == Shown::messages) expect_complete(protos, at->second.type, field.parts);
    }
    for (const auto& [number, field] : found->second)
        EXPECT_TRUE(described.contains(number)) << field.name << " is shown to nobody who decides about it";
}

TEST(Fields, AllOfACommandAreShownOrNamed) {
    const Protos protos;
    std::size_t looked_at = 0;
    for (const Domain* domain : domains::registry().domains()) {
        for (const machine::Command& command : domain->commands) {
            if (!command.approval.value.may_be_asked.value) continue;
            ++looked_at;
            const auto body = protos.bodies.find(command.number);
            ASSERT_NE(body, protos.bodies.end()) << command.name.value;
            expect_complete(protos, body->second, command.approval.value.fields);
        }
    }
    EXPECT_GE(looked_at, 11U);
}

TEST(Fields, OfACommandThatMayNotNeedApprovalThereAreNone) {
    EXPECT_TRUE(Approval::never.fields.value.empty());
    EXPECT_FALSE(Approval::never.may_be_asked.value);
    EXPECT_EQ(Approval::never.amount.value, nullptr);
}

}  // namespace
}  // namespace kontor::approvals::testing
