#pragma once
// The one writer of error answers: {"error":{…}} in the shape that the API's clients know. The server's own
// early answers, the router's between nodes, the API's and the admin surface's all come from here.
//
// Threading: pure. Errors: none; whatever bytes a text has, the answer is valid JSON in UTF-8: what is to be
// escaped is, and bytes that are no UTF-8 become U+FFFD. `payment_intent_json` alone is taken as it is.

#include <string>
#include <string_view>

#include "kontor/json/fields.h"

namespace kontor {

// "" leaves a field out, but for the message; the back office's errors have no type.
struct ErrorObject {
    std::string_view type = {};
    std::string_view code = {};
    std::string_view message = {};
    std::string_view param = {};
    std::string_view decline_code = {};
    std::string_view charge = {};
    std::string_view payment_intent_json = {};  // JSON already
};

extern const fields::Shape kErrorShape;
[[nodiscard]] std::string error_json(const ErrorObject& error);
// An answer that no route gives: type and code are those of its HTTP status.
[[nodiscard]] std::string error_json(int status, std::string_view message);

}  // namespace kontor
