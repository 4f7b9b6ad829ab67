// A finished copy takes the place of a store, by two renames:
//
//     live -> live.old      from here on there is no live one until
//     live.incoming -> live
//     live.old is removed
//
// Each is durable before the next begins, so what is found tells how far it came: live.old without live: the
// second rename is missing; live.old with live: only the removal is.

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "files.h"
#include "kontor/base/log.h"
#include "kontor/store/replace_folder.h"

namespace kontor::store {
namespace {

namespace fs = std::filesystem;

std::string old_folder(const std::string& live) {
    return live + ".old";
}
std::string parent_of(const std::string& path) {
    const std::string parent = fs::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}
bool is_finished_copy(const std::string& folder) {
    return fs::exists(folder + "/partitions") && !fs::exists(folder + "/TRANSFER");
}

class Exchange {
 public:
    Exchange(const std::string& live, const std::function<void(const char*)>& crash)
        : live_(live), parent_(parent_of(live)), crash_(crash) {}

    Result<void> move_old_away() const { return rename(live_, old_folder(live_), "old-moved-away"); }
    Result<void> move_new_in() const { return rename(incoming_folder(live_), live_, "new-moved-in"); }
    Result<void> move_old_back() const { return rename(old_folder(live_), live_, "old-moved-back"); }
    Result<void> remove_old() const {
        const std::string old = old_folder(live_);
        // By parts, so that a crash leaves nothing that looks like a store.
        for (const std::string& path : {old + "/partitions", old}) {
            std::error_code code;
            fs::remove_all(path, code);
            if (code) return fail(errno_error("remove " + path, code.value()));
            KONTOR_CHECK(sync_path(path == old ? parent_ : old));
            if (crash_) crash_(path == old ? "old-removed" : "old-partitions-removed");
        }
        return {};
    }

 private:
    [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to,
                                      const char* step) const {
        if (::rename(from.c_str(), to.c_str()) != 0) return fail(errno_error("rename " + from, errno));
        KONTOR_CHECK(sync_path(parent_));
        if (crash_) crash_(step);
        return {};
    }

    const std::string live_, parent_;
    const std::function<void(const char*)>& crash_;
};

}  // namespace

std::string incoming_folder(const std::string& live) {
    return live + ".incoming";
}

Result<void> finish_store_replacement(const std::string& live,
                                      const std::function<void(const char*)>& crash) {
    if (!fs::exists(old_folder(live))) return {};
    const Exchange exchange(live, crash);
    if (fs::exists(live)) {
        if (!fs::exists(live + "/partitions"))
            return fail(ErrorCode::corruption,
                        live + " holds no store, but there is " + old_folder(live) +
                            ", which an exchange moved away: remove the former, if it is empty");
        log::info("store", "removing what the copied store replaced: " + old_folder(live));
        return exchange.remove_old();
    }
    if (!is_finished_copy(incoming_folder(live))) {
        log::warning("store", "a copy that should have replaced " + live + " is gone: the old store is back");
        return exchange.move_old_back();
    }
    log::info("store", "finishing to replace " + live + " by its copy");
    KONTOR_CHECK(exchange.move_new_in());
    return exchange.remove_old();
}

Result<void> replace_store_folder(const std::string& live, const std::string& incoming,
                                  const std::function<void(const char*)>& crash) {
    if (incoming != incoming_folder(live))
        return fail(ErrorCode::invalid_argument,
                    "the copy of a store lies in " + incoming_folder(live) + ", not in " + incoming);
    KONTOR_CHECK(finish_store_replacement(live, crash));
    if (!is_finished_copy(incoming))
        return fail(ErrorCode::unavailable, "there is no finished copy in " + incoming);
    // Both are nobody's: a running store or sink holds its lock. (It moves with the folder.)
    KONTOR_TRY(const File incoming_lock, lock_folder(incoming));
    const Exchange exchange(live, crash);
    if (!fs::exists(live)) return exchange.move_new_in();
    KONTOR_TRY(const File live_lock, lock_folder(live));
    KONTOR_CHECK(exchange.move_old_away());
    KONTOR_CHECK(exchange.move_new_in());
    return exchange.remove_old();
}

}  // namespace kontor::store
