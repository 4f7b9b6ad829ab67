// A file that gets shorter under its map, as a damaged length inside it or a failing disk would show.

#include "kontor/base/mapped_fault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace kontor {
namespace {

TEST(MappedFault, NamesTheFileAndThePlace) {
    const std::string path = ::testing::TempDir() + "mapped fault " + std::to_string(::getpid());
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(::ftruncate(file, 8192), 0);
    void* map = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_SHARED, file, 0);
    ASSERT_NE(map, MAP_FAILED);
    EXPECT_EXIT(
        {
            report_mapped_faults();
            const volatile char* bytes = static_cast<const char*>(map);
            static_cast<void>(bytes[8191]);  // inside
            static_cast<void>(bytes[20'007]);
        },
        ::testing::KilledBySignal(SIGBUS), path + " at byte 20007: the disk failed");
    ::munmap(map, 1 << 20);
    ::close(file);
    ::unlink(path.c_str());
}

}  // namespace
}  // namespace kontor
