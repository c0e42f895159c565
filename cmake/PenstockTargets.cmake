# SPDX-License-Identifier: MIT
# The functions with which every folder declares its targets.

add_library(penstock_build_options INTERFACE)
target_compile_features(penstock_build_options INTERFACE cxx_std_20)
# No fused multiply-add behind our back: a result must have the same bits on every processor.
target_compile_options(penstock_build_options INTERFACE -ffp-contract=off)
# -Wno-restrict: GCC 12 sees overlaps in std::string where there are none (GCC bug 105651).
target_compile_options(penstock_build_options INTERFACE -Wall -Wextra -Wconversion -Wno-sign-conversion -Werror
                                                         $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # GCC 12's own std::stable_sort uses what the standard has deprecated; `a & b` of two bools avoids a branch on purpose.
  target_compile_options(penstock_build_options INTERFACE -Wthread-safety -Wno-deprecated-declarations
                                                           -Wno-bitwise-instead-of-logical)
endif()
if(PENSTOCK_SANITIZE)
  # -Wno-maybe-uninitialized: GCC's manual says that sanitizers give false positives of it; the other presets keep it.
  target_compile_options(penstock_build_options INTERFACE -fsanitize=${PENSTOCK_SANITIZE} -fno-omit-frame-pointer
                                                           -fno-sanitize-recover=all
                                                           $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # The thread sanitizer knows no fences, and GCC warns of each; asio can do without where there are locks.
  if(PENSTOCK_SANITIZE MATCHES "thread")
    target_compile_definitions(penstock_build_options INTERFACE ASIO_DISABLE_FENCED_BLOCK)
  endif()
  # Two checks of `undefined` that take a third of the compile time: the address sanitizer sees null pointers by itself.
  if(PENSTOCK_SANITIZE MATCHES "undefined")
    target_compile_options(penstock_build_options INTERFACE -fno-sanitize=null,vptr)
  endif()
  target_link_options(penstock_build_options INTERFACE -fsanitize=${PENSTOCK_SANITIZE})
endif()

# One layer of the library from the folder's sources; *_test.cc beside them become one test program per folder.
# penstock_layer(NAME DEPS <layers and packages>)
function(penstock_layer name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  string(REPLACE "/" "_" target penstock_${name})
  if(NOT sources)
    return()
  endif()
  add_library(${target} OBJECT ${sources})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE penstock_build_options ${arg_DEPS})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  set_property(GLOBAL APPEND PROPERTY PENSTOCK_LAYERS ${target})
  set_property(GLOBAL APPEND PROPERTY PENSTOCK_LAYER_PACKAGES ${arg_DEPS})
  if(PENSTOCK_TESTS AND tests)
    set_property(GLOBAL APPEND PROPERTY PENSTOCK_LAYER_TESTS ${target}_test)
    add_executable(${target}_test ${tests})
  endif()
endfunction()

# One GoogleTest program. penstock_test(NAME SOURCES... [LIBS...])
function(penstock_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  penstock_finish_test(${name} ${arg_LIBS})
endfunction()

function(penstock_finish_test name)
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)  # tests name their helpers as they like
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE penstock penstock_build_options GTest::gmock GTest::gtest_main ${ARGN})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
endfunction()
