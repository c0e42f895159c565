# SPDX-License-Identifier: MIT
# ONNX Runtime: Debian 13's package, or a folder with include/ and lib/ in PENSTOCK_ONNXRUNTIME_ROOT. Its own CMake files are not in
# every package of it. OnnxRuntime_INCLUDE_DIR, OnnxRuntime_LIBRARY.
if(PENSTOCK_ONNXRUNTIME_ROOT)
  set(places HINTS ${PENSTOCK_ONNXRUNTIME_ROOT} NO_DEFAULT_PATH)
endif()
# What was found in another folder before is not meant any more.
if(NOT "${PENSTOCK_ONNXRUNTIME_ROOT}" STREQUAL "${OnnxRuntime_found_in}")
  unset(OnnxRuntime_INCLUDE_DIR CACHE)
  unset(OnnxRuntime_LIBRARY CACHE)
endif()
set(OnnxRuntime_found_in "${PENSTOCK_ONNXRUNTIME_ROOT}" CACHE INTERNAL "")
find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_c_api.h ${places} PATH_SUFFIXES include include/onnxruntime onnxruntime onnxruntime/core/session)
find_library(OnnxRuntime_LIBRARY onnxruntime ${places} PATH_SUFFIXES lib lib64)
if(OnnxRuntime_INCLUDE_DIR)
  file(STRINGS ${OnnxRuntime_INCLUDE_DIR}/onnxruntime_c_api.h OnnxRuntime_VERSION REGEX "^#define ORT_API_VERSION ")
  string(REGEX REPLACE "[^0-9]+" "1." OnnxRuntime_VERSION "${OnnxRuntime_VERSION}")
endif()
if(PENSTOCK_ONNXRUNTIME_ROOT AND NOT (OnnxRuntime_INCLUDE_DIR AND OnnxRuntime_LIBRARY))
  message(FATAL_ERROR "PENSTOCK_ONNXRUNTIME_ROOT=${PENSTOCK_ONNXRUNTIME_ROOT} holds no ONNX Runtime: "
                      "there must be include/onnxruntime_c_api.h and lib/libonnxruntime.so")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime REQUIRED_VARS OnnxRuntime_LIBRARY OnnxRuntime_INCLUDE_DIR
                                  VERSION_VAR OnnxRuntime_VERSION)
mark_as_advanced(OnnxRuntime_INCLUDE_DIR OnnxRuntime_LIBRARY)
