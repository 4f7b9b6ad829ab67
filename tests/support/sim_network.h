#pragma once
// The network of a simulated cluster: lines from each place to each other one. A line is FIFO; it drops,
// delays and is cut, in one or both directions, and loses what was in flight when the machine at either end
// was started again. Chance is the caller's, so that one seed decides everything.
//
// Threading: none.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <queue>
#include <random>
#include <utility>
#include <vector>

namespace kontor_test {

struct Weather {
    std::uint64_t latency_ms_min = 1, latency_ms_max = 10;
    double drop = 0.0;
    bool has_stalls = false;  // now and then something takes far longer
    bool is_calm = false;     // nothing is dropped, and nothing stalls
};

template <typename Cargo>
class SimNetwork {
 public:
    struct Flight {
        std::uint64_t at_ms = 0, sequence = 0;
        std::size_t from = 0, to = 0;
        unsigned from_run = 0, to_run = 0;  // of the machines, as they were when it left
        Cargo cargo;
        friend bool operator<(const Flight& a, const Flight& b) {
            return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.sequence > b.sequence;
        }
    };

    explicit SimNetwork(std::size_t places)
        : newest_(places, std::vector<std::uint64_t>(places, 0)),
          cut_(places, std::vector<bool>(places, false)) {}

    void cut(std::size_t from, std::size_t to) { cut_[from][to] = true; }
    [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const { return cut_[from][to]; }
    void heal() {
        for (auto& row : cut_) row.assign(row.size(), false);
    }
    // Places of different groups do not reach each other; -1: alone.
    void partition(const std::vector<int>& group) {
        for (std::size_t a = 0; a < group.size(); ++a)
            for (std::size_t b = 0; b < group.size(); ++b)
                cut_[a][b] = a != b && (group[a] != group[b] || group[a] < 0);
    }

    // When what leaves now would arrive; nullopt: it is dropped. What leaves later on this line comes after
    // it.
    [[nodiscard]] std::optional<std::uint64_t> draw(std::mt19937_64& rng, std::uint64_t now_ms,
                                                    std::size_t from, std::size_t to,
                                                    const Weather& weather) {
        const auto between = [&rng](std::uint64_t low, std::uint64_t high) {
            return std::uniform_int_distribution<std::uint64_t>(low, high)(rng);
        };
        const bool dropped =
            !weather.is_calm && std::uniform_real_distribution<double>(0, 1)(rng) < weather.drop;
        std::uint64_t at = now_ms + between(weather.latency_ms_min, weather.latency_ms_max);
        if (weather.has_stalls && !weather.is_calm && between(0, 99) < kStallPercent)
            at += between(0, kMaxStallMs);
        at = behind_all(from, to, at);
        return dropped ? std::nullopt : std::optional(at);
    }
    void send(Flight flight) {
        flight.sequence = ++sequence_;
        in_flight_.push(std::move(flight));
    }
    // What had arrived and waited in a socket is there at this time, behind what is on its line.
    void send_again(Flight flight, std::uint64_t at_ms) {
        flight.at_ms = behind_all(flight.from, flight.to, at_ms);
        send(std::move(flight));
    }

    [[nodiscard]] bool empty() const { return in_flight_.empty(); }
    [[nodiscard]] std::uint64_t next_ms() const { return in_flight_.top().at_ms; }
    [[nodiscard]] Flight take() {
        Flight flight = in_flight_.top();
        in_flight_.pop();
        return flight;
    }
    // Of what is taken, with the runs as they are now.
    [[nodiscard]] bool arrives(const Flight& flight, unsigned from_run, unsigned to_run) const {
        return !is_cut(flight.from, flight.to) && flight.from_run == from_run && flight.to_run == to_run;
    }

 private:
    static constexpr std::uint64_t kStallPercent = 2, kMaxStallMs = 300;

    std::uint64_t behind_all(std::size_t from, std::size_t to, std::uint64_t at_ms) {
        return newest_[from][to] = std::max(newest_[from][to], at_ms);
    }

    std::uint64_t sequence_ = 0;
    std::priority_queue<Flight> in_flight_;
    std::vector<std::vector<std::uint64_t>> newest_;  // arrival of each line
    std::vector<std::vector<bool>> cut_;
};

}  // namespace kontor_test
