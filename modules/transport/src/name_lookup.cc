#include "kontor/transport/name_lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kontor/base/log.h"
#include "kontor/base/shortage.h"

namespace kontor::transport {
namespace {

namespace asio = boost::asio;

std::uint64_t steady_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

Result<std::vector<std::string>> ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    errno = 0;
    const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (failed != 0) {
        const bool is_ours = failed == EAI_MEMORY || (failed == EAI_SYSTEM && is_shortage(errno));
        return fail(is_ours ? ErrorCode::overloaded : ErrorCode::unavailable,
                    "cannot resolve " + host + ": " +
                        (failed == EAI_SYSTEM ? std::generic_category().message(errno)
                                              : std::string(::gai_strerror(failed))));
    }
    std::vector<std::string> addresses;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        char text[NI_MAXHOST] = {};
        if (::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
            addresses.emplace_back(text);
    }
    ::freeaddrinfo(found);
    return addresses;
}

}  // namespace

// What the threads need, also those that hang when the owner has gone.
struct NameLookup::State : std::enable_shared_from_this<NameLookup::State> {
    struct Waiter {
        std::uint64_t deadline_ms = 0;
        Done done;
    };
    struct Name {
        std::vector<Waiter> waiters;
        std::uint64_t account = 0;  // who asked first
        bool is_running = false;
    };
    struct Account {
        std::deque<std::string> waiting;
        std::size_t running = 0;
    };

    explicit State(LookUpName given) : look(given ? std::move(given) : LookUpName(ask_system)) {}

    [[nodiscard]] bool may_run(const Account& account, const std::string& host) const {
        if (running >= kThreads || account.running >= kThreads - running) return false;
        return !slow.contains(host) || running_slow < kSlowThreads;
    }

    // The next name by turns of the accounts, with the lock held; "": none may run now.
    std::string next() {
        for (std::size_t seen = 0; seen < turns.size(); ++seen) {
            const std::uint64_t no = turns.front();
            turns.pop_front();
            turns.push_back(no);
            Account& account = accounts.at(no);
            // One that is slow is not in the way of the account's others.
            const auto at = std::find_if(account.waiting.begin(), account.waiting.end(),
                                         [&](const std::string& host) { return may_run(account, host); });
            if (at == account.waiting.end()) continue;
            std::string host = std::move(*at);
            account.waiting.erase(at);
            --n_waiting;
            Name& name = names.at(host);
            const std::uint64_t now = steady_ms();
            std::erase_if(name.waiters, [now](const Waiter& one) { return one.deadline_ms <= now; });
            if (name.waiters.empty()) {
                names.erase(host);
                leave(no);
                seen = 0;
                if (turns.empty()) return {};
                continue;
            }
            name.is_running = true;
            ++account.running;
            ++running;
            if (slow.contains(host)) ++running_slow;
            return host;
        }
        return {};
    }

    void leave(std::uint64_t no) {
        const auto account = accounts.find(no);
        if (account->second.running != 0 || !account->second.waiting.empty()) return;
        accounts.erase(account);
        std::erase(turns, no);
    }

    // One thread: names until none may run.
    void run() {
        pthread_setname_np(pthread_self(), "name-lookup");
        std::unique_lock lock(mutex);
        for (std::string host = next(); !host.empty() && !is_closed; host = next()) {
            const bool was_slow = slow.contains(host);
            lock.unlock();
            const std::uint64_t began_ms = steady_ms();
            const Result<Addresses> found = ask(host);
            const bool is_slow = steady_ms() - began_ms >= kSlowMs;
            lock.lock();
            const auto at = names.find(host);
            const Name name = std::move(at->second);
            names.erase(at);
            --accounts.at(name.account).running;
            --running;
            if (was_slow) --running_slow;
            leave(name.account);
            if (slow.size() >= kSlowKnown) slow.clear();
            if (is_slow)
                slow.insert(host);
            else
                slow.erase(host);
            if (is_closed) break;
            // With the lock held: after close() nobody is called, and `done` only hands over.
            for (const Waiter& one : name.waiters) tell(one, found);
        }
        --threads;
    }

    // Who cannot be told, for want of memory, gives up at his deadline.
    static void tell(const Waiter& one, const Result<Addresses>& found) {
        try {
            one.done(found);
        } catch (const std::exception& e) {
            log::error("net", std::string("a look-up's answer got lost: ") + e.what());
        }
    }

    [[nodiscard]] Result<Addresses> ask(const std::string& host) const {
        try {
            KONTOR_TRY(const auto texts, look(host));
            Addresses addresses;
            for (const std::string& text : texts) {
                boost::system::error_code error;
                const auto address = asio::ip::make_address(text, error);
                if (!error) addresses.push_back(address);
            }
            if (addresses.empty()) return fail(ErrorCode::unavailable, host + " has no address");
            return addresses;
        } catch (const std::exception& e) {  // memory
            return fail(ErrorCode::overloaded, "cannot resolve " + host + ": " + e.what());
        }
    }

    const LookUpName look;
    std::mutex mutex;
    // All guarded by it.
    bool is_closed = false;
    std::size_t threads = 0, running = 0, running_slow = 0, n_waiting = 0;
    std::unordered_map<std::string, Name> names;  // running or waiting
    std::map<std::uint64_t, Account> accounts;    // with something running or waiting
    std::deque<std::uint64_t> turns;              // the keys of accounts
    std::unordered_set<std::string> slow;         // looked up by key, never walked
};

NameLookup::NameLookup(LookUpName look) : state_(std::make_shared<State>(std::move(look))) {}

NameLookup::~NameLookup() {
    close();
}

void NameLookup::close() {
    const std::lock_guard lock(state_->mutex);
    state_->is_closed = true;
}

void NameLookup::look_up(const std::string& host, std::uint64_t account, std::uint64_t deadline_ms,
                         Done done) {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    const auto refuse = [&done](const char* why) { done(fail(ErrorCode::overloaded, why)); };
    if (state.is_closed) return done(fail(ErrorCode::unavailable, "closing"));
    const auto known = state.names.find(host);
    if (known != state.names.end()) {
        known->second.waiters.push_back({deadline_ms, std::move(done)});
        return;
    }
    const auto has = state.accounts.find(account);
    if (state.n_waiting >= kWaiting ||
        (has != state.accounts.end() && has->second.waiting.size() >= kWaitingPerAccount))
        return refuse("too many names wait to be looked up");
    if (state.threads < kThreads) {
        try {
            std::thread([kept = state_] { kept->run(); }).detach();  // begins with the lock
            ++state.threads;
        } catch (const std::system_error&) {
            if (state.threads == 0) return refuse("no thread to look a name up");
        }
    }
    State::Name& name = state.names[host];
    name.account = account;
    name.waiters.push_back({deadline_ms, std::move(done)});
    if (has == state.accounts.end()) state.turns.push_back(account);
    state.accounts[account].waiting.push_back(host);
    ++state.n_waiting;
}

}  // namespace kontor::transport
