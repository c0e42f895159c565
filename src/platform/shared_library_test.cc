// SPDX-License-Identifier: MIT
#include "platform/shared_library.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace penstock
