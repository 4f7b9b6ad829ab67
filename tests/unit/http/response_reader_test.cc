// What servers send, cut at every byte: the outcome does not depend on how it came.
#include "response_reader.h"

#include <gtest/gtest.h>

namespace kontor::http {
namespace {

constexpr std::size_t kMaxBody = 100;

struct Outcome {
    int status = 0;
    std::string body;
    bool complete = false, keeps_alive = false;
    std::size_t left = 0;  // bytes behind the response
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << outcome.status << " '" << outcome.body << "' complete " << outcome.complete << " alive "
               << outcome.keeps_alive << " left " << outcome.left;
}

// In pieces that end at `cut`; nullopt: it was refused.
std::optional<Outcome> read(std::string_view bytes, std::size_t cut, bool closes, bool answers_head = false) {
    ResponseReader reader(answers_head, kMaxBody);
    Outcome outcome;
    for (std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
        const auto used = reader.put(piece);
        if (!used) return std::nullopt;
        outcome.left += piece.size() - *used;
    }
    if (closes && !reader.is_complete()) outcome.complete = reader.put_end();
    outcome.complete = reader.is_complete();
    outcome.status = reader.status();
    outcome.body = reader.body();
    outcome.keeps_alive = reader.keeps_alive();
    return outcome;
}

std::optional<Outcome> read_everywhere(std::string_view bytes, bool closes = false,
                                       bool answers_head = false) {
    const auto whole = read(bytes, bytes.size(), closes, answers_head);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        EXPECT_EQ(read(bytes, cut, closes, answers_head), whole) << "cut at " << cut << " of\n" << bytes;
    return whole;
}

TEST(ResponseReader, WhatServersSendIsRead) {
    struct Row {
        const char* what;
        std::string bytes;
        Outcome expected;
        bool closes = false;
    };
    using namespace std::string_literals;
    const Row rows[] = {
        {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", {200, "ok", true, true, 0}},
        {"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", {200, "", true, true, 0}},
        {"a blank for a reason", "HTTP/1.1 204 \r\n\r\n", {204, "", true, true, 0}},
        {"several blanks", "HTTP/1.1  201 \t Created\r\nContent-Length:0\r\n\r\n", {201, "", true, true, 0}},
        {"a reason in another script",
         "HTTP/1.1 200 \xE5\xA5\xBD \xFF\r\nContent-Length: 0\r\n\r\n",
         {200, "", true, true, 0}},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", {200, "ok", true, false, 0}},
        {"HTTP/1.0 with keep-alive",
         "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
         {200, "ok", true, true, 0}},
        {"a version of its own", "HTTP/2 200\r\nContent-Length: 2\r\n\r\nok", {200, "ok", true, false, 0}},
        {"small letters", "http/1.1 200 ok\r\ncontent-length: 2\r\n\r\nok", {200, "ok", true, true, 0}},
        {"lines that end with LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", {200, "ok", true, true, 0}},
        {"both", "HTTP/1.1 200 OK\nContent-Length: 2\r\nX: y\n\r\nok", {200, "ok", true, true, 0}},
        {"empty lines before",
         "\r\n\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         {200, "", true, true, 0}},
        {"a folded field",
         "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 0\r\n\r\n",
         {200, "", true, true, 0}},
        {"a fold without a field",
         "HTTP/1.1 200 OK\r\n b\r\nContent-Length: 0\r\n\r\n",
         {200, "", true, true, 0}},
        {"a blank before the colon",
         "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
         {200, "ok", true, true, 0}},
        {"odd names and values",
         "HTTP/1.1 200 OK\r\nX Y\xFF@: \x01\x80\0z\r\n: none\r\nno colon\r\nContent-Length: 0\r\n\r\n"s,
         {200, "", true, true, 0}},
        {"until the end", "HTTP/1.1 200 OK\r\n\r\nto the end", {200, "to the end", true, false, 0}, true},
        {"Connection: close",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
         {200, "ok", true, false, 0}},
        {"close in a list",
         "HTTP/1.1 200 OK\r\nConnection: upgrade , CLOSE\r\nContent-Length: 0\r\n\r\n",
         {200, "", true, false, 0}},
        {"interim answers",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Length: 7\r\nConnection: "
         "close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         {200, "ok", true, true, 0}},
        {"chunks",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
         {200, "abc0123456789", true, true, 0}},
        {"trailers",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1 \r\na\r\n0\r\nX: y\r\nZ\r\n\r\n",
         {200, "a", true, true, 0}},
        {"chunks with LF",
         "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n\n",
         {200, "a", true, true, 0}},
        {"another coding",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz",
         {200, "zz", true, false, 0},
         true},
        {"no coding at all",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
         {200, "ok", true, true, 0}},
        {"the same length twice",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok",
         {200, "ok", true, true, 0}},
        {"two lengths",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
         {200, "ok", true, false, 0}},
        {"a length beside chunks",
         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         {200, "a", true, false, 0}},
        {"a folded length",
         "HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok",
         {200, "ok", true, false, 0}},
        {"no number", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", {200, "ok", true, false, 0}, true},
        {"no body by its status",
         "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
         {304, "", true, true, 0}},
        {"another protocol",
         "HTTP/1.1 101 Switching Protocols\r\n\r\nwhatever",
         {101, "whatever", true, false, 0},
         true},
        {"more than the answer",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP",
         {200, "ok", true, true, 4}},
        {"cut in the body",
         "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
         {200, "ok", false, false, 0},
         true},
        {"cut in the head", "HTTP/1.1 500 Oops\r\nContent-Le", {500, "", false, false, 0}, true},
        {"an odd status",
         "HTTP/1.1 999 Request denied\r\nContent-Length: 0\r\n\r\n",
         {999, "", true, true, 0}},
    };
    for (const Row& row : rows) {
        const auto outcome = read_everywhere(row.bytes, row.closes);
        ASSERT_TRUE(outcome) << row.what;
        EXPECT_EQ(*outcome, row.expected) << row.what;
    }
    EXPECT_EQ(*read_everywhere("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, true),
              (Outcome{200, "", true, true, 0}))
        << "the answer to HEAD has no body";
}

TEST(ResponseReader, WhatIsNoHttpIsRefused) {
    for (const char* bytes :
         {"garbage\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1\r\n", "HTTP/1.1 OK\r\n", "HTTP/1.1 20\r\n",
          "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 -20 OK\r\n", "HTTP/1.1 099 low\r\n", "HTTP/one 200 OK\r\n",
          "HTTP/1.1 200OK\r\n", "<html>\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"})
        EXPECT_FALSE(read_everywhere(bytes)) << bytes;
    // The end of a chunk may be missing, of a number it may not.
    EXPECT_FALSE(
        read_everywhere("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11112222333344445\r\n"));
}

TEST(ResponseReader, HeadsAndBodiesAreBounded) {
    const auto code_of = [](const std::string& bytes) {
        ResponseReader reader(false, kMaxBody);
        const auto used = reader.put(bytes);
        return used ? ErrorCode::already_exists : used.error().code;
    };
    const std::string status = "HTTP/1.1 200 OK\r\n";
    const std::string end = "Content-Length: 0\r\n\r\n";
    const std::string filling =
        "X: " + std::string(ResponseReader::kMaxHeadBytes - status.size() - end.size() - 5, 'x');
    EXPECT_EQ(code_of(status + filling + "\r\n" + end), ErrorCode::already_exists);
    EXPECT_EQ(code_of(status + filling + "x\r\n" + end), ErrorCode::too_large);
    EXPECT_EQ(code_of(std::string(ResponseReader::kMaxHeadBytes + 1, '\n')), ErrorCode::too_large);
    std::string interim;
    while (interim.size() <= ResponseReader::kMaxHeadBytes) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    EXPECT_EQ(code_of(interim), ErrorCode::too_large) << "not for ever";
    const std::string chunked = status + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(code_of(chunked + "0\r\n" + std::string(ResponseReader::kMaxHeadBytes + 1, 'x')),
              ErrorCode::too_large);

    const std::string body(kMaxBody, 'b');
    EXPECT_EQ(code_of(status + "Content-Length: 100\r\n\r\n" + body), ErrorCode::already_exists);
    EXPECT_EQ(code_of(status + "Content-Length: 101\r\n\r\n"), ErrorCode::too_large);
    EXPECT_EQ(code_of(status + "\r\n" + body), ErrorCode::already_exists);
    EXPECT_EQ(code_of(status + "\r\n" + body + "b"), ErrorCode::too_large);
    EXPECT_EQ(code_of(chunked + "64\r\n" + body + "\r\n1\r\nb\r\n"), ErrorCode::too_large);
}

}  // namespace
}  // namespace kontor::http
