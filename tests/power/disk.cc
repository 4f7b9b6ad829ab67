#include "disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace kontor::power {
namespace fs = std::filesystem;

// One step of a file since its last sync.
struct Disk::Change {
    bool is_resize = false;
    bool only_grow = false;
    bool certain = false;  // written through O_DSYNC
    std::uint64_t offset = 0, size = 0;
    std::string bytes;
};
// One step of a folder since its last sync; `node` null: the name is removed.
struct Disk::NameChange {
    std::string name, old_name;  // old_name: of a rename
    std::shared_ptr<Node> node;
};
struct Disk::Node {
    bool is_folder = false;
    std::string durable;
    std::vector<Change> pending;
    std::map<std::string, std::shared_ptr<Node>> names, durable_names;
    std::vector<NameChange> pending_names;
};

namespace {

std::pair<std::string, std::string> split(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

void write_into(std::string& bytes, std::uint64_t offset, std::string_view what) {
    if (bytes.size() < offset + what.size()) bytes.resize(offset + what.size(), '\0');
    std::memcpy(bytes.data() + offset, what.data(), what.size());
}

// How this power cut treats what was not synced.
enum class Mood : std::uint8_t {
    all_lost,
    all_kept,
    some_writes,
    some_sectors,
    first_torn,
    only_late,
    kCount
};

class Chance {
 public:
    explicit Chance(std::mt19937_64& random)
        : random_(random),
          mood_(static_cast<Mood>(random() % static_cast<unsigned>(Mood::kCount))),
          in_order_(random() % 2 == 0) {}

    // For the changes of one file or folder: which are kept. `n` of them.
    std::vector<bool> kept(std::size_t n) {
        std::vector<bool> out(n, mood_ == Mood::all_kept || mood_ == Mood::some_sectors);
        const std::size_t at = n == 0 ? 0 : random_() % (n + 1);
        for (std::size_t i = 0; i < n; ++i) {
            if (mood_ == Mood::some_writes) out[i] = random_() % 2 == 0;
            if (mood_ == Mood::first_torn) out[i] = i < at;
            if (mood_ == Mood::only_late) out[i] = i >= at;
        }
        return out;
    }
    // Names: in the order they were made, as a file system's journal does it, or any of them.
    std::vector<bool> kept_names(std::size_t n) {
        if (!in_order_) return kept(n);
        std::vector<bool> out(n, mood_ == Mood::all_kept);
        if (mood_ == Mood::all_kept || mood_ == Mood::all_lost || n == 0) return out;
        const std::size_t at = random_() % (n + 1);
        std::fill(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(at), true);
        return out;
    }
    void write(std::string& bytes, std::uint64_t offset, std::string_view what) {
        if (mood_ != Mood::some_sectors) return write_into(bytes, offset, what);
        while (!what.empty()) {
            const std::uint64_t room = kSectorBytes - offset % kSectorBytes;
            const std::string_view piece = what.substr(0, room);
            if (random_() % 2 == 0) write_into(bytes, offset, piece);
            offset += piece.size();
            what.remove_prefix(piece.size());
        }
    }
    // The part of a write that is lost as a whole may still have its first sectors on the disk.
    void tear(std::string& bytes, std::uint64_t offset, std::string_view what) {
        const std::uint64_t sectors = (offset % kSectorBytes + what.size()) / kSectorBytes;
        if (mood_ != Mood::first_torn || sectors == 0) return;
        const std::uint64_t end = (offset / kSectorBytes + random_() % (sectors + 1)) * kSectorBytes;
        if (end > offset) write_into(bytes, offset, what.substr(0, end - offset));
    }

 private:
    std::mt19937_64& random_;
    Mood mood_;
    bool in_order_;
};

template <typename Changes>
std::string contents(std::string bytes, const Changes& pending, Chance& chance) {
    const std::vector<bool> kept = chance.kept(pending.size());
    bool torn = false;
    for (std::size_t i = 0; i < pending.size(); ++i) {
        const auto& change = pending[i];
        if (!change.certain && !kept[i]) {
            if (!torn && !change.is_resize) chance.tear(bytes, change.offset, change.bytes);
            torn = true;
        } else if (change.is_resize) {
            if (!change.only_grow || bytes.size() < change.size) bytes.resize(change.size, '\0');
        } else if (change.certain) {
            write_into(bytes, change.offset, change.bytes);
        } else {
            chance.write(bytes, change.offset, change.bytes);
        }
    }
    return bytes;
}

}  // namespace

Disk& Disk::instance() {
    static Disk* const disk = new Disk;  // never destroyed: files are closed until the very end
    return *disk;
}

void Disk::watch(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    folder_.clear();  // what follows is not watched
    handles_.clear();
    count_ = cut_at_ = 0;
    off_ = false;
    const std::function<std::shared_ptr<Node>(const fs::path&)> load = [&](const fs::path& path) {
        auto node = std::make_shared<Node>();
        node->is_folder = fs::is_directory(path);
        if (node->is_folder) {
            for (const auto& entry : fs::directory_iterator(path))
                node->names[entry.path().filename()] = load(entry.path());
            node->durable_names = node->names;
        } else {
            std::ifstream in(path, std::ios::binary);
            node->durable.assign(std::istreambuf_iterator<char>(in), {});
        }
        return node;
    };
    root_ = load(folder);
    folder_ = folder;
}

void Disk::stop_watching() {
    const std::lock_guard lock(mutex_);
    folder_.clear();
    handles_.clear();
    fault = nullptr;
    is_ignored = nullptr;
    on_done = nullptr;
}

void Disk::cut_at(std::uint64_t nth) {
    const std::lock_guard lock(mutex_);
    cut_at_ = count_ + nth;
}

bool Disk::is_off() const {
    const std::lock_guard lock(mutex_);
    return off_;
}

std::uint64_t Disk::operations() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

void Disk::write_image(const std::string& folder, std::mt19937_64& random) const {
    const std::lock_guard lock(mutex_);
    Chance chance(random);
    const std::function<void(const Node&, const fs::path&)> save = [&](const Node& node,
                                                                       const fs::path& path) {
        if (!node.is_folder) {
            std::ofstream(path, std::ios::binary) << contents(node.durable, node.pending, chance);
            return;
        }
        fs::create_directory(path);
        auto names = node.durable_names;
        const std::vector<bool> kept = chance.kept_names(node.pending_names.size());
        for (std::size_t i = 0; i < node.pending_names.size(); ++i) {
            const NameChange& change = node.pending_names[i];
            if (!kept[i]) continue;
            if (!change.node) {
                names.erase(change.name);
                continue;
            }
            names[change.name] = change.node;
            const auto old = names.find(change.old_name);
            if (old != names.end() && old->second == change.node) names.erase(old);
        }
        for (const auto& [name, child] : names) save(*child, path / name);
    };
    save(*root_, folder);
}

std::optional<std::string> Disk::ours(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    if (folder_.empty()) return std::nullopt;
    if (path == folder_) return "";
    if (path.size() <= folder_.size() + 1 || !path.starts_with(folder_) || path[folder_.size()] != '/')
        return std::nullopt;
    std::string below = path.substr(folder_.size() + 1);
    while (below.ends_with('/')) below.pop_back();
    return below;
}

std::optional<Disk::Handle> Disk::handle(int fd) const {
    const std::lock_guard lock(mutex_);
    const auto found = handles_.find(fd);
    return found == handles_.end() ? std::nullopt : std::optional(found->second);
}

std::shared_ptr<Disk::Node> Disk::find(const std::string& path) const {
    std::shared_ptr<Node> node = root_;
    for (std::size_t at = 0; node && at < path.size();) {
        const auto slash = std::min(path.find('/', at), path.size());
        const auto found = node->names.find(path.substr(at, slash - at));
        node = found == node->names.end() ? nullptr : found->second;
        at = slash + 1;
    }
    return node;
}

bool Disk::exists(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return find(path) != nullptr;
}

void Disk::set_name(const std::string& path, std::shared_ptr<Node> node) {
    const auto [parent, name] = split(path);
    Node& folder = *find(parent);
    if (node)
        folder.names[name] = node;
    else
        folder.names.erase(name);
    folder.pending_names.push_back({name, "", std::move(node)});
}

int Disk::refuse(const Operation& operation, bool counts) {
    if (off_ && operation.kind != Kind::read) return EIO;
    if (fault)
        if (const int error = fault(operation)) return error;
    if (counts && ++count_ == cut_at_) off_ = true;
    return 0;
}

namespace {
long failed(int error) {
    errno = error;
    return -1;
}
}  // namespace

void Disk::opened(int fd, const std::string& path, bool created, bool truncated, bool direct) {
    const std::lock_guard lock(mutex_);
    auto node = find(path);
    if (!node && created) return;  // of another life
    if (!node) return;
    if (truncated) node->pending.push_back({true, false, false, 0, 0, {}});
    handles_[fd] = Handle{std::move(node), path, direct};
}

void Disk::closed(int fd) {
    const std::lock_guard lock(mutex_);
    handles_.erase(fd);
}

long Disk::create(const std::string& path, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    const Operation operation{Kind::name, path};
    if (const int error = refuse(operation, true)) return failed(error);
    const long fd = action();
    if (fd >= 0) set_name(path, std::make_shared<Node>());
    return fd;
}

long Disk::write(const Handle& to, std::uint64_t offset, std::string_view bytes,
                 const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    const Operation operation{Kind::write, to.path, offset, bytes, to.direct};
    if (const int error = refuse(operation, true)) return failed(error);
    const long done = action();
    if (done <= 0) return done;
    bytes = bytes.substr(0, static_cast<std::size_t>(done));
    const bool certain = to.direct && !off_ && !(is_ignored && is_ignored(operation));
    to.node->pending.push_back({false, false, certain, offset, 0, std::string(bytes)});
    if (on_done) on_done(operation);
    return off_ ? failed(EIO) : done;  // under way when the power went: nobody heard of it
}

long Disk::resize(const Handle& of, std::uint64_t size, bool only_grow, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    if (const int error = refuse({Kind::resize, of.path, size}, true)) return failed(error);
    const long done = action();
    if (done == 0) of.node->pending.push_back({true, only_grow, false, 0, size, {}});
    return done;
}

long Disk::sync(const Handle& of, bool is_folder) {
    const std::lock_guard lock(mutex_);
    const Operation operation{Kind::sync, of.path + (is_folder ? "/" : "")};
    if (const int error = refuse(operation, true)) return failed(error);
    if (off_) return failed(EIO);
    if (is_ignored && is_ignored(operation)) return 0;
    Node& node = *of.node;
    for (const Change& change : node.pending) {
        if (!change.is_resize)
            write_into(node.durable, change.offset, change.bytes);
        else if (!change.only_grow || node.durable.size() < change.size)
            node.durable.resize(change.size, '\0');
    }
    node.pending.clear();
    node.durable_names = node.names;
    node.pending_names.clear();
    return 0;
}

long Disk::read(const Handle& from, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    if (const int error = refuse({Kind::read, from.path}, false)) return failed(error);
    return action();
}

long Disk::make_folder(const std::string& path, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    if (find(path)) return failed(EEXIST);
    if (const int error = refuse({Kind::name, path}, true)) return failed(error);
    const long done = action();
    if (done != 0) return done;
    auto node = std::make_shared<Node>();
    node->is_folder = true;
    set_name(path, std::move(node));
    return 0;
}

long Disk::remove(const std::string& path, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    if (const int error = refuse({Kind::name, path}, true)) return failed(error);
    const long done = action();
    if (done == 0 && find(path)) set_name(path, nullptr);
    return done;
}

long Disk::rename(const std::string& from, const std::string& to, const std::function<long()>& action) {
    const std::lock_guard lock(mutex_);
    if (const int error = refuse({Kind::name, to}, true)) return failed(error);
    const auto node = find(from);
    const auto [parent, name] = split(to);
    if (!node || split(from).first != parent) return failed(EXDEV);
    const long done = action();
    if (done != 0) return done;
    Node& folder = *find(parent);
    const std::string old_name = split(from).second;
    folder.names.erase(old_name);
    folder.names[name] = node;
    folder.pending_names.push_back({name, old_name, node});
    return 0;
}

}  // namespace kontor::power
