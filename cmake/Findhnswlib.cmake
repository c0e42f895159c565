# SPDX-License-Identifier: MIT
# hnswlib, which is headers only and brings no CMake files in Debian: hnswlib_INCLUDE_DIR.
find_path(hnswlib_INCLUDE_DIR hnswlib/hnswlib.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(hnswlib REQUIRED_VARS hnswlib_INCLUDE_DIR)
