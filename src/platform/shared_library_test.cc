// SPDX-License-Identifier: MIT
#include "platform/shared_library.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace penstock {
namespace {

TEST(SharedLibrary, FindsFunctionsByName) {
  const Result<SharedLibrary> library = SharedLibrary::load("zlib", {"libnothing.so.9", "libz.so.1"}, "zlib1g");
  ASSERT_TRUE(library) << library.error().to_text();
  const char* (*version)() = nullptr;
  ASSERT_TRUE(library->find("zlibVersion", version));
  EXPECT_NE(std::string_view(version()), "");
  EXPECT_FALSE(library->find("no_such_function", version));
}

TEST(SharedLibrary, SaysWhatIsMissingAndWhereItIs) {
  const Result<SharedLibrary> library = SharedLibrary::load("Nothing", {"libnothing.so.9"}, "libnothing9");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(library.error().message().find("Nothing is not here: libnothing.so.9"), std::string::npos);
  EXPECT_EQ(library.error().hint(), "apt-get install libnothing9");
}

/// A file that is no library.
class BrokenLibrary {
 public:
  BrokenLibrary() { std::ofstream(path) << "x"; }
  ~BrokenLibrary() { ::unlink(path.c_str()); }
  const std::string path = ::testing::TempDir() + "penstock_broken_library.so." + std::to_string(::getpid());
};

TEST(SharedLibrary, SaysWhyTheOneThatIsThereCannotBeLoaded) {
  const BrokenLibrary broken;
  const auto why = [](std::initializer_list<const char*> names) {
    return SharedLibrary::load("Nothing", names, "libnothing9").error().message();
  };
  const std::string of_broken = "Nothing is not here: " + broken.path + ": file too short";
  EXPECT_EQ(why({broken.path.c_str(), "libnothing.so.9"}), of_broken);
  EXPECT_EQ(why({"libnothing.so.9", broken.path.c_str(), "libnothing.so"}), of_broken);
  EXPECT_NE(why({"libnothing.so.9", "libnothing.so"}).find("not here: libnothing.so.9: "), std::string::npos);
}

}  // namespace
}  // namespace penstock
