#include "proposals.h"

#include <algorithm>
#include <utility>

#include "kontor/base/object_id.h"

namespace kontor::node {

Proposals::Refusal Proposals::add(Proposal& proposal) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Refusal::closed;
    if (queue_commands_ >= max_commands_ || queue_bytes_ + proposal.bytes > max_bytes_) return Refusal::full;
    const auto found = lanes_.find(proposal.merchant_no);
    if (proposal.merchant_no != 0) {
        const std::uint64_t bytes = found == lanes_.end() ? 0 : found->second.bytes;
        const std::uint64_t commands = found == lanes_.end() ? 0 : found->second.queue.size();
        if (bytes + proposal.bytes > max_bytes_ - queue_bytes_ || commands >= max_commands_ - queue_commands_)
            return Refusal::full;
    }
    if (found == lanes_.end()) turns_.push_back(proposal.merchant_no);
    Lane& lane = found == lanes_.end() ? lanes_[proposal.merchant_no] : found->second;
    lane.bytes += proposal.bytes;
    queue_bytes_ += proposal.bytes;
    ++queue_commands_;
    lane.queue.push_back(std::move(proposal));
    return Refusal::none;
}

std::vector<Proposal> Proposals::take(const Most& most) {
    const std::lock_guard lock(mutex_);
    std::vector<Proposal> batch;
    std::size_t bytes = 0;
    std::uint64_t weight = 0;
    while (!turns_.empty() && (batch.empty() || batch.size() < most.commands)) {
        const auto at = lanes_.find(turns_.front());
        Lane& lane = at->second;
        Proposal& next = lane.queue.front();
        if (!batch.empty() && (bytes + next.bytes > most.bytes || weight + next.weight > most.weight)) break;
        if (batch.size() == kMaxCommandsPerBatch) break;
        if (lane.credit < next.bytes && turns_.size() > 1) {
            lane.credit += kTurnBytes;
            if (lane.credit < next.bytes) {  // saves up for a large one while the others take their turns
                std::rotate(turns_.begin(), turns_.begin() + 1, turns_.end());
                continue;
            }
        }
        lane.credit -= std::min(lane.credit, next.bytes);
        bytes += next.bytes;
        weight += next.weight;
        lane.bytes -= next.bytes;
        batch.push_back(std::move(next));
        lane.queue.pop_front();
        if (lane.queue.empty()) {
            lanes_.erase(at);
            turns_.pop_front();
        } else if (lane.credit < lane.queue.front().bytes) {
            std::rotate(turns_.begin(), turns_.begin() + 1, turns_.end());
        }
    }
    queue_bytes_ -= bytes;
    queue_commands_ -= batch.size();
    return batch;
}

bool Proposals::worth_proposing() const {
    const std::lock_guard lock(mutex_);
    return !lanes_.empty() && (flights_in_log() < kFlightsAtOnce || queue_bytes_ >= kGatheredBytes);
}

std::size_t Proposals::flights_in_log() const {
    return static_cast<std::size_t>(
        std::count_if(flights_.begin(), flights_.end(), [](const Flight& flight) { return flight.in_log; }));
}

void Proposals::leaves_log(replication::Position position) {
    const std::lock_guard lock(mutex_);
    for (Flight& flight : flights_)
        if (flight.position && flight.position->index <= position.index) flight.in_log = false;
}

std::vector<Proposal> Proposals::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return empty_lanes();
}

std::vector<Proposal> Proposals::take_all() {
    const std::lock_guard lock(mutex_);
    return empty_lanes();
}

std::vector<Proposal> Proposals::empty_lanes() {
    queue_bytes_ = queue_commands_ = 0;
    turns_.clear();
    std::vector<Proposal> left;
    for (auto& [merchant_no, lane] : lanes_)
        left.insert(left.end(), std::make_move_iterator(lane.queue.begin()),
                    std::make_move_iterator(lane.queue.end()));
    lanes_.clear();
    return left;
}

std::uint64_t Proposals::launch(std::vector<Proposal>& batch) {
    Flight flight;
    for (Proposal& proposal : batch) flight.done.push_back(std::move(proposal.done));
    const std::lock_guard lock(mutex_);
    flight.id = next_flight_++;
    flights_.push_back(std::move(flight));
    return flights_.back().id;
}

void Proposals::accepted(std::uint64_t flight_id, replication::Position position) {
    const std::lock_guard lock(mutex_);
    for (Flight& flight : flights_)
        if (flight.id == flight_id) flight.position = position;
}

std::optional<Flight> Proposals::abandon(std::uint64_t flight_id) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(flights_.begin(), flights_.end(),
                                    [&](const Flight& flight) { return flight.id == flight_id; });
    if (found == flights_.end()) return std::nullopt;
    Flight flight = std::move(*found);
    flights_.erase(found);
    return flight;
}

std::optional<Flight> Proposals::land(replication::Position position, std::vector<Flight>& lost) {
    const std::lock_guard lock(mutex_);
    std::optional<Flight> landed;
    while (!flights_.empty() && flights_.front().position &&
           flights_.front().position->index <= position.index) {
        Flight flight = std::move(flights_.front());
        flights_.pop_front();
        if (*flight.position == position)
            landed = std::move(flight);
        else
            lost.push_back(std::move(flight));
    }
    return landed;
}

std::vector<Flight> Proposals::abandon_all() {
    const std::lock_guard lock(mutex_);
    std::vector<Flight> all(std::make_move_iterator(flights_.begin()),
                            std::make_move_iterator(flights_.end()));
    flights_.clear();
    return all;
}

std::vector<Flight> Proposals::abandon_before(std::uint64_t term) {
    const std::lock_guard lock(mutex_);
    std::vector<Flight> older;
    for (auto it = flights_.begin(); it != flights_.end();) {
        if (!it->position || it->position->term >= term) {
            ++it;
            continue;
        }
        older.push_back(std::move(*it));
        it = flights_.erase(it);
    }
    return older;
}

bool Proposals::idle() const {
    const std::lock_guard lock(mutex_);
    return lanes_.empty() && flights_.empty();
}

void Proposals::wait_for_channel(std::uint64_t attempt_no, Waiter waiter) {
    const std::lock_guard lock(mutex_);
    waiters_.emplace(attempt_no, std::move(waiter));
}

std::vector<Waiter> Proposals::resolve(std::uint64_t attempt_no) {
    const std::lock_guard lock(mutex_);
    std::vector<Waiter> found;
    const auto [first, last] = waiters_.equal_range(attempt_no);
    for (auto it = first; it != last; ++it) found.push_back(std::move(it->second));
    waiters_.erase(first, last);
    return found;
}

std::vector<Waiter> Proposals::expired(std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    std::vector<Waiter> found;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
        if (it->second.deadline_ms <= now_ms) {
            found.push_back(std::move(it->second));
            it = waiters_.erase(it);
        } else {
            ++it;
        }
    }
    return found;
}

std::vector<Waiter> Proposals::abandon_waiters() {
    const std::lock_guard lock(mutex_);
    std::vector<Waiter> found;
    for (auto& [attempt_no, waiter] : waiters_) found.push_back(std::move(waiter));
    waiters_.clear();
    return found;
}

std::pair<std::uint64_t, std::uint64_t> Proposals::queued() const {
    const std::lock_guard lock(mutex_);
    return {queue_bytes_, queue_commands_};
}

}  // namespace kontor::node
