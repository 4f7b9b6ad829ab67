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
