#pragma once
// An HTTP client whose answers a test gives.
//
// Threading: as its function.

#include <functional>
#include <utility>

#include "kontor/http/client.h"

namespace kontor_test {

class FakeClient : public kontor::http::Client {
 public:
    using Done = std::function<void(kontor::Result<kontor::http::ClientResponse>)>;
    using OnSend = std::function<void(kontor::http::ClientRequest, Done)>;

    explicit FakeClient(OnSend on_send) : on_send_(std::move(on_send)) {}
    void send(kontor::http::ClientRequest request, Done done) override {
        on_send_(std::move(request), std::move(done));
    }

 private:
    const OnSend on_send_;
};

}  // namespace kontor_test
