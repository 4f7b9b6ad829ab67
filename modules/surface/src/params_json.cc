// application/json into the parameter tree: the same names and values as a form would give.
#include "kontor/surface/params.h"
#include "kontor/surface/read_json.h"

namespace kontor::surface {

namespace {

// SAX events in, nodes out. Returning false stops the reader; `error` then says why.
class Builder : public NumbersAsText {
 public:
    explicit Builder(Node& root) : root_(root) {}
    std::optional<ApiError> error;

    bool StartObject() { return open(false); }
    bool StartArray() { return open(true); }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool EndArray(rapidjson::SizeType) { return close(); }
    bool Key(const char* text, rapidjson::SizeType length, bool) {
        key_.assign(text, length);
        if (key_.empty() || key_.size() > kMaxParamNameBytes || !is_valid_utf8(key_)) {
            return stop(invalid("Invalid parameter name: '" + printable(key_) + "'."));
        }
        if (open_.back()->find(key_) != nullptr) {
            return stop(invalid("The parameter '" + printable(key_) + "' was given more than once.",
                                printable(key_)));
        }
        return true;
    }
    bool String(const char* text, rapidjson::SizeType length, bool) {
        return leaf(Node::Shape::text, std::string_view(text, length));
    }
    bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
        return leaf(Node::Shape::number, std::string_view(text, length));
    }
    bool Bool(bool value) { return leaf(Node::Shape::boolean, value ? "true" : "false"); }
    bool Null() { return leaf(Node::Shape::null, ""); }

 private:
    bool stop(ApiError what) {
        error = std::move(what);
        return false;
    }
    // A place for the next value, or nullptr after an error. Pointers in `open_` stay valid: while a
    // container is open, nothing is added to its ancestors.
    Node* place() {
        if (open_.empty()) {
            stop(invalid("The request's JSON body must be an object."));
            return nullptr;
        }
        if (++count_ > 2 * kMaxParams) {
            stop(invalid("A request may have at most " + std::to_string(kMaxParams) + " parameters."));
            return nullptr;
        }
        Node& parent = *open_.back();
        Node& node = parent.children.emplace_back();
        node.key = parent.list ? std::to_string(parent.children.size() - 1) : std::move(key_);
        return &node;
    }
    bool open(bool list) {
        if (open_.empty() && !list) {
            open_.push_back(&root_);
            return true;
        }
        if (open_.size() >= kMaxParamDepth) {
            return stop(invalid("Parameters may be nested at most " + std::to_string(kMaxParamDepth) +
                                " levels deep."));
        }
        Node* node = place();
        if (node == nullptr) return false;
        node->list = list;
        open_.push_back(node);
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }
    bool leaf(Node::Shape shape, std::string_view text) {
        Node* node = place();
        if (node == nullptr) return false;
        if (++leaves_ > kMaxParams) {
            return stop(invalid("A request may have at most " + std::to_string(kMaxParams) + " parameters."));
        }
        if (text.size() > kMaxTextBytes || !is_valid_utf8(text)) {
            const std::string name = printable(node->key);
            return stop(invalid(text.size() > kMaxTextBytes
                                    ? "The value of '" + name + "' is longer than " +
                                          std::to_string(kMaxTextBytes) + " bytes."
                                    : "The value of '" + name + "' has a NUL character in it.",
                                name));
        }
        node->shape = shape;
        node->text.assign(text);
        return true;
    }

    Node& root_;
    std::vector<Node*> open_;
    std::string key_;
    std::size_t count_ = 0, leaves_ = 0;
};

}  // namespace

std::optional<ApiError> parse_json(std::string_view text, Node& root) {
    Builder builder(root);
    return read_json(text, builder);
}

}  // namespace kontor::surface
