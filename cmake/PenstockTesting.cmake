# SPDX-License-Identifier: MIT
# Kinds of tests beyond GoogleTest programs: checks of the repository, files that must not compile, fuzzers, programs that
# run in a folder of their own.

# Adds every subfolder of the current folder that has a CMakeLists.txt.
function(penstock_add_subfolders)
  file(GLOB lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(list IN LISTS lists)
    get_filename_component(folder ${list} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endfunction()

# A check of the repository: tools/SCRIPT run with ARGS. Exit code 77 means skipped. The script's --self-test, which shows
# it a violation that it must find, runs as NAME.finds_violations.
# penstock_house_test(NAME SCRIPT [ARGS...])
function(penstock_house_test name script)
  set(path ${PROJECT_SOURCE_DIR}/tools/${script})
  add_test(NAME house.${name} COMMAND Python3::Interpreter ${path} ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  add_test(NAME house.${name}.finds_violations COMMAND Python3::Interpreter ${path} --self-test
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(house.${name} house.${name}.finds_violations PROPERTIES LABELS house SKIP_RETURN_CODE 77)
endfunction()

# A mistake that users make, and the sentence with which the compiler must answer. SOURCE has to compile as it is, and to
# fail with PENSTOCK_EXPECT_ERROR defined, with every text that follows "// expect-error: " in it among the messages.
# penstock_compile_fail_test(NAME SOURCE)
function(penstock_compile_fail_test name source)
  add_test(NAME compile_fail.${name}
           COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_compile_fail.py
                   ${CMAKE_CURRENT_SOURCE_DIR}/${source} -- ${CMAKE_CXX_COMPILER} -std=c++20 -I${PROJECT_SOURCE_DIR}/include)
  set_tests_properties(compile_fail.${name} PROPERTIES LABELS compile_fail)
endfunction()

# A program for LLVMFuzzerTestOneInput in SOURCES. With PENSTOCK_FUZZ it is a libFuzzer program of target penstock_fuzz.
# Otherwise it is an ordinary test that replays tests/fuzz/corpus/NAME/* and then seeded mutations of these.
# penstock_fuzz_test(NAME SOURCES... [LIBS...])
function(penstock_fuzz_test name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  set(target penstock_fuzz_${name})
  add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE penstock penstock_build_options ${arg_LIBS})
  if(PENSTOCK_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_dependencies(penstock_fuzz ${target})
    set_property(GLOBAL APPEND_STRING PROPERTY PENSTOCK_FUZZ_TARGETS "${name} $<TARGET_FILE:${target}>\n")
  else()
    target_link_libraries(${target} PRIVATE penstock_fuzz_replay)
    add_test(NAME fuzz.${name} COMMAND ${target} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz)
  endif()
endfunction()

# Runs TARGET in a fresh folder, a copy of COPY when that exists, and compares what it prints with EXPECTED when that
# exists. penstock_program_test(NAME TARGET [COPY folder] [EXPECTED file])
function(penstock_program_test name target)
  cmake_parse_arguments(arg "" "COPY;EXPECTED" "" ${ARGN})
  set(options)
  if(arg_COPY AND EXISTS ${arg_COPY})
    list(APPEND options --copy ${arg_COPY})
  endif()
  if(arg_EXPECTED AND EXISTS ${arg_EXPECTED})
    list(APPEND options --expected ${arg_EXPECTED})
  endif()
  add_test(NAME ${name} COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/run_in_empty_folder.py ${options}
                                -- $<TARGET_FILE:${target}>)
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
