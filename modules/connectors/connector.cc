#include "connectors/connector.h"

#include <algorithm>

namespace kontor::connectors {

Answer succeeded(std::string channel_reference) {
    Answer answer;
    answer.state = Answer::State::succeeded;
    answer.channel_reference = std::move(channel_reference);
    return answer;
}

Answer failed(Failure failure) {
    Answer answer;
    answer.state = Answer::State::failed;
    answer.failure = std::move(failure);
    return answer;
}

Answer requires_action(std::string channel_reference, NextAction action) {
    Answer answer;
    answer.state = Answer::State::requires_action;
    answer.channel_reference = std::move(channel_reference);
    answer.next_action = std::move(action);
    return answer;
}

std::string door_url(std::string_view public_url, std::string_view connector, std::uint64_t account_no) {
    return std::string(public_url) + std::string(kDoorPrefix) + std::string(connector) + "/" +
           std::to_string(account_no);
}

const Connector* find(std::span<const Connector* const> among, std::string_view name) {
    const auto found = std::find_if(among.begin(), among.end(), [name](const Connector* connector) {
        return connector->name.value == name;
    });
    return found == among.end() ? nullptr : *found;
}

std::string_view header_of(std::span<const Header> headers, std::string_view name) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (const Header& header : headers) {
        if (std::equal(name.begin(), name.end(), header.name.begin(), header.name.end(),
                       [&](char a, char b) { return lower(a) == lower(b); }))
            return header.value;
    }
    return {};
}

}  // namespace kontor::connectors
