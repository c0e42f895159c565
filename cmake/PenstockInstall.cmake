# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: library, headers, CMake package, pkg-config file; the program with its manual and
# completions when it is built. docs/decisions/0002-static-library.md says why the library is static unless asked otherwise.
include(CMakePackageConfigHelpers)

install(TARGETS penstock EXPORT penstock-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                                 LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/penstock DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# Whoever links the static library links what it links; names of CMake targets and of their pkg-config files.
set(PENSTOCK_STATIC TRUE)
get_target_property(type penstock TYPE)
if(type STREQUAL SHARED_LIBRARY)
  set(PENSTOCK_STATIC FALSE)
endif()
set(pkg_config_names fmt::fmt fmt  ZLIB::ZLIB zlib  simdjson::simdjson simdjson  PkgConfig::zstd libzstd  PkgConfig::re2 re2
    PkgConfig::tomlplusplus tomlplusplus  PkgConfig::xxhash libxxhash  PkgConfig::lmdb lmdb)
get_target_property(linked penstock LINK_LIBRARIES)
set(requires)
while(pkg_config_names)
  list(POP_FRONT pkg_config_names target name)
  if(target IN_LIST linked)
    list(APPEND requires ${name})
  endif()
endwhile()
foreach(library IN ITEMS lmdb)
  string(TOUPPER ${library} upper)
  set(PENSTOCK_NEEDS_${upper} FALSE)
  if(PkgConfig::${library} IN_LIST linked)
    set(PENSTOCK_NEEDS_${upper} TRUE)
  endif()
endforeach()
list(JOIN requires " " PENSTOCK_REQUIRES)
set(PENSTOCK_REQUIRES_FIELD Requires)
if(NOT PENSTOCK_STATIC)
  set(PENSTOCK_REQUIRES_FIELD Requires.private)
endif()

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/penstock)
install(EXPORT penstock-targets NAMESPACE penstock:: DESTINATION ${config_folder})
configure_package_config_file(cmake/penstock-config.cmake.in ${PROJECT_BINARY_DIR}/penstock-config.cmake
                              INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/penstock-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/penstock-config.cmake ${PROJECT_BINARY_DIR}/penstock-config-version.cmake
        DESTINATION ${config_folder})
# Relative to the file, so that the tree can be moved.
file(RELATIVE_PATH PENSTOCK_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/penstock.pc.in ${PROJECT_BINARY_DIR}/penstock.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/penstock.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET penstock_app)
  install(TARGETS penstock_program EXPORT penstock-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  configure_file(cmake/penstock-program.pc.in ${PROJECT_BINARY_DIR}/penstock-program.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/penstock-program.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  install(TARGETS penstock_app RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(completions apps/penstock/completion)
  install(FILES ${completions}/penstock.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          RENAME penstock OPTIONAL)
  install(FILES ${completions}/_penstock DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions OPTIONAL)
  install(FILES ${completions}/penstock.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
endif()
