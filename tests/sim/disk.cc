#include "disk.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "kontor/base/assert.h"

namespace kontor::sim {

namespace fs = std::filesystem;
using replication::File;

namespace {
constexpr std::uint64_t kSectorBytes = 512;  // written whole or not at all
}

Result<void> Disk::operate(const std::string& path) {
    if (cut_in_ != 0 && --cut_in_ == 0) off_ = true;
    if (off_) return fail(errno_error("power cut: " + path, EIO));
    return {};
}

void Disk::apply(std::string& content, const Change& change) {
    if (change.is_resize) {
        if (!change.only_grow || content.size() < change.offset) content.resize(change.offset);
        return;
    }
    const std::size_t end = change.offset + change.bytes.size();
    if (content.size() < end) content.resize(end);
    content.replace(change.offset, change.bytes.size(), change.bytes);
}

void Disk::apply_torn(std::string& content, const Change& change) {
    if (change.is_resize) return apply(content, change);
    for (std::size_t at = 0; at < change.bytes.size();) {
        const std::uint64_t offset = change.offset + at;
        const std::size_t size =
            std::min<std::size_t>(change.bytes.size() - at, kSectorBytes - offset % kSectorBytes);
        if (random_() % 2 == 0) apply(content, {false, offset, change.bytes.substr(at, size), false});
        at += size;
    }
    ++torn_writes;
}

void Disk::apply(Names& names, const NameChange& change) {
    if (!change.from.empty()) names.erase(change.from);
    if (!change.to.empty()) names[change.to] = change.node;
}

Result<File> Disk::open(const std::string& path, int flags) {
    const auto known = names_.find(path);
    const bool is_made = known == names_.end() && (flags & O_CREAT) != 0;
    const bool is_emptied = known != names_.end() && (flags & O_TRUNC) != 0;
    if (off_) return fail(errno_error("power cut: " + path, EIO));
    if (has_no_descriptors) {
        refused_ = true;
        return fail(errno_error("open " + path, EMFILE));
    }
    if (is_made || is_emptied) KONTOR_CHECK(operate(path));
    KONTOR_TRY(File file, FileOps::open(path, flags));
    std::shared_ptr<Node> node;
    if (known != names_.end()) {
        node = known->second;
        if (is_emptied) node->pending.push_back({true, 0, {}, false});
    } else {
        KONTOR_ASSERT(is_made, "every file of the folder was made through this disk");
        node = std::make_shared<Node>();
        names_[path] = node;
        pending_names_.push_back({"", path, node});
    }
    open_[file.fd()] = node;
    return file;
}

// The operation at which the power goes may have reached the disk's cache.
Result<void> Disk::write_at(const File& file, std::uint64_t offset, std::string_view bytes) {
    const bool was_on = !off_;
    auto done = operate(file.path());
    if (!was_on) return done;
    KONTOR_CHECK(FileOps::write_at(file, offset, bytes));
    node_of(file).pending.push_back({false, offset, std::string(bytes), false});
    return done;
}

Result<void> Disk::allocate(const File& file, std::uint64_t size) {
    KONTOR_CHECK(operate(file.path()));
    KONTOR_CHECK(FileOps::allocate(file, size));
    node_of(file).pending.push_back({true, size, {}, true});
    return {};
}

Result<void> Disk::truncate(const File& file, std::uint64_t size) {
    KONTOR_CHECK(operate(file.path()));
    KONTOR_CHECK(FileOps::truncate(file, size));
    node_of(file).pending.push_back({true, size, {}, false});
    return {};
}

Result<void> Disk::sync_data(const File& file) {
    KONTOR_CHECK(operate(file.path()));
    if (lies) return {};
    Node& node = node_of(file);
    for (const Change& change : node.pending) apply(node.durable, change);
    node.pending.clear();
    return {};
}

Result<void> Disk::sync_folder(const std::string& folder) {
    KONTOR_CHECK(operate(folder));
    for (const NameChange& change : pending_names_) apply(durable_names_, change);
    pending_names_.clear();
    return {};
}

Result<void> Disk::rename(const std::string& from, const std::string& to) {
    KONTOR_CHECK(operate(from));
    KONTOR_CHECK(FileOps::rename(from, to));
    const NameChange change{from, to, names_.at(from)};
    apply(names_, change);
    pending_names_.push_back(change);
    return {};
}

Result<void> Disk::remove(const std::string& path) {
    KONTOR_CHECK(operate(path));
    KONTOR_CHECK(FileOps::remove(path));
    const NameChange change{path, "", nullptr};
    apply(names_, change);
    pending_names_.push_back(change);
    return {};
}

std::string Disk::found(const Node& node, Mode mode) {
    std::string content = node.durable;
    std::size_t left = mode == Mode::prefix ? random_() % (node.pending.size() + 1) : node.pending.size();
    if (mode == Mode::nothing) left = 0;
    for (std::size_t i = 0; i < left; ++i) {
        const Change& change = node.pending[i];
        if (mode == Mode::everything || mode == Mode::prefix) {
            apply(content, change);
        } else if (random_() % 3 == 0) {
            apply_torn(content, change);
        } else if (random_() % 2 == 0) {
            apply(content, change);
        } else {
            ++lost_writes;
        }
    }
    // The write that was under way.
    if (mode == Mode::prefix && left < node.pending.size()) apply_torn(content, node.pending[left]);
    lost_writes += node.pending.size() - left;
    return content;
}

Disk::Image Disk::image() const {
    Image image;
    for (const auto& [path, node] : names_) image[path] = node->durable;
    return image;
}

void Disk::put_back(const Image& image, const std::string& but) {
    Names names;
    for (const auto& [path, node] : names_) {
        if (path == but) {
            names[path] = node;
        } else {
            std::error_code ignored;
            fs::remove(path, ignored);
        }
    }
    for (const auto& [path, content] : image) {
        if (path == but) continue;
        const auto node = std::make_shared<Node>();
        node->durable = content;
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
        names[path] = node;
    }
    names_ = durable_names_ = std::move(names);
    open_.clear();
}

void Disk::lose_power() {
    const auto mode = static_cast<Mode>(random_() % 4);
    for (const NameChange& change : pending_names_) {
        if (mode == Mode::everything || (mode != Mode::nothing && random_() % 2 == 0)) {
            apply(durable_names_, change);
        } else if (mode == Mode::prefix) {
            break;
        }
    }
    for (const auto& [path, node] : names_) {
        std::error_code ignored;
        fs::remove(path, ignored);
    }
    // A name may stand for the same file twice only while it is renamed, which is one step here.
    Names found_names;
    for (const auto& [path, node] : durable_names_) {
        const auto fresh = std::make_shared<Node>();
        fresh->durable = found(*node, mode);
        std::ofstream(path, std::ios::binary | std::ios::trunc) << fresh->durable;
        found_names[path] = fresh;
    }
    names_ = durable_names_ = std::move(found_names);
    pending_names_.clear();
    open_.clear();
    cut_in_ = 0;
    off_ = refused_ = false;
}

}  // namespace kontor::sim
