# SPDX-License-Identifier: MIT
# OpenCV's dnn alone: Debian has its CMake and pkg-config files in a package that brings all of OpenCV.
# OpenCVDnn_INCLUDE_DIR, OpenCVDnn_LIBRARIES.
find_path(OpenCVDnn_INCLUDE_DIR opencv2/dnn.hpp PATH_SUFFIXES opencv4)
find_library(OpenCVDnn_LIBRARY opencv_dnn)
find_library(OpenCVDnn_CORE_LIBRARY opencv_core)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCVDnn REQUIRED_VARS OpenCVDnn_LIBRARY OpenCVDnn_CORE_LIBRARY OpenCVDnn_INCLUDE_DIR)
set(OpenCVDnn_LIBRARIES ${OpenCVDnn_LIBRARY} ${OpenCVDnn_CORE_LIBRARY})
mark_as_advanced(OpenCVDnn_INCLUDE_DIR OpenCVDnn_LIBRARY OpenCVDnn_CORE_LIBRARY)
