// SPDX-License-Identifier: MIT
#include "vector/store_address.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(AddressWithoutSecrets, KeepsHostAndPath) {
  EXPECT_EQ(address_without_secrets("photos.index"), "photos.index");
  EXPECT_EQ(address_without_secrets("a@b/photos.index"), "a@b/photos.index");
  EXPECT_EQ(address_without_secrets("milvus://root:Milvus@db:19530/photos"), "milvus://db:19530/photos");
  EXPECT_EQ(address_without_secrets("postgresql://u:p/w@h/d?table=t&password=x"), "postgresql://h/d");
  EXPECT_EQ(address_without_secrets("postgresql://u:p?w@h/d"), "postgresql://h/d");
  EXPECT_EQ(address_without_secrets("http://host/embed"), "http://host/embed");
}

}  // namespace
}  // namespace penstock
