#pragma once
// A folder of a test's own, which goes with it.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace kontor_test {

class TempFolder {
 public:
    // `name`: for people who find what a test left behind when it was ended.
    explicit TempFolder(const std::string& name) {
        path_ = (std::filesystem::temp_directory_path() / ("kontor-" + name + "-XXXXXX")).string();
        EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    std::string path_;
};

}  // namespace kontor_test
