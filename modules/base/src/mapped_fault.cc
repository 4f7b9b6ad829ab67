#include "kontor/base/mapped_fault.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace kontor {
namespace {

// All of this runs in a signal handler: system calls and the stack, nothing else.

void say(const char* text) {
    (void)!::write(STDERR_FILENO, text, std::strlen(text));
}

void say_number(std::uint64_t number) {
    char digits[24];
    char* at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number > 0);
    say(at);
}

// A line of /proc/self/maps: "7f00-7f80 r--s 00000000 08:01 42   /path". False: another line, or no file.
bool read_hex(const char*& at, std::uint64_t& number) {
    const char* const first = at;
    for (number = 0;; ++at) {
        if (*at >= '0' && *at <= '9')
            number = number << 4U | static_cast<std::uint64_t>(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            number = number << 4U | static_cast<std::uint64_t>(*at - 'a' + 10);
        else
            return at != first;
    }
}

bool say_if_it_holds(const char* line, std::uint64_t address) {
    std::uint64_t low = 0, high = 0, offset = 0;
    if (!read_hex(line, low) || *line++ != '-' || !read_hex(line, high) || address < low || address >= high)
        return false;
    while (*line == ' ') ++line;
    while (*line != ' ' && *line != '\0') ++line;  // rights
    while (*line == ' ') ++line;
    if (!read_hex(line, offset)) return false;
    const char* path = std::strchr(line, '/');
    if (path == nullptr) return false;
    say("kontor: cannot read ");
    say(path);
    say(" at byte ");
    say_number(address - low + offset);
    return true;
}

void say_place(std::uint64_t address) {
    char line[4'600];  // a path of up to 4,096 bytes
    std::size_t size = 0;
    const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    bool found = false;
    char byte = 0;
    char block[1'024];
    ssize_t got = 0;
    while (!found && (got = ::read(file, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < got && !found; ++i) {
            byte = block[i];
            if (byte != '\n') {
                if (size + 1 < sizeof line) line[size++] = byte;
                continue;
            }
            line[size] = '\0';
            size = 0;
            found = say_if_it_holds(line, address);
        }
    }
    ::close(file);
    if (!found) say("kontor: cannot read a file that is mapped into memory");
}

void on_fault(int signal, siginfo_t* info, void* /*context*/) {
    say_place(reinterpret_cast<std::uintptr_t>(info->si_addr));
    say(": the disk failed, or the file is damaged. The node stops; nothing acknowledged is lost on the "
        "other nodes. Look at the machine's disk, run 'kontor verify' on the folder, and replace this node "
        "from a peer or a backup if that finds damage.\n");
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &usual, nullptr);
    ::raise(signal);
}

}  // namespace

void report_mapped_faults() {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = static_cast<int>(SA_SIGINFO | SA_RESETHAND | SA_NODEFER);
    ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace kontor
