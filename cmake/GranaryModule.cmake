# granary_module(<name> [PCH arrow] [APART] DEPS <targets...> [TEST_DEPS <targets...>])
#
# One room = one library + its tests + its benchmarks + a check that each header stands alone.
# The folder lists its own files; the name says what a file is:
#   *_test.cc       granary_<name>_test        ctest label "unit"
#   *_long_test.cc  granary_<name>_long_test   ctest label "long", only run by `./dev test --all`
#   *_bench.cc      granary_<name>_bench       built by `./dev bench`
#   *_test_support.cc   part of each of the three
#   *_fuzz.cc       granary_fuzz_*, made by tests/fuzz
#   main.cc         left to granary_executable()
#   *.cc            granary_<name>, the library
# A room in a subfolder has an underscore for each slash: storage/wal is storage_wal.
# APART compiles each file alone: for rooms whose speed hangs on what gcc inlines, which it decides
# otherwise when more is in sight.
# PCH arrow adds Arrow's headers to the precompiled ones: worth it for rooms where most files
# include them anyway.

add_custom_target(headers COMMENT "Each header compiles alone")
add_custom_target(benches COMMENT "Every benchmark")

set(GRANARY_TEST_ENVIRONMENT
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tools/tsan.supp halt_on_error=1"
    "UBSAN_OPTIONS=print_stacktrace=1")

function(granary_module name)
  cmake_parse_arguments(ARG "APART" "PCH" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  file(GLOB headers CONFIGURE_DEPENDS *.h)
  set(tests ${sources})
  set(long_tests ${sources})
  set(benches ${sources})
  set(support ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|_test_support|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER tests EXCLUDE REGEX "_long_test\\.cc$")
  list(FILTER long_tests INCLUDE REGEX "_long_test\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER support INCLUDE REGEX "_test_support\\.cc$")

  if(sources)
    add_library(granary_${name} STATIC ${sources})
    if(ARG_PCH)
      granary_use_pch(granary_${name} ${ARG_PCH})
    else()
      granary_use_pch(granary_${name} standard)
    endif()
    if(NOT ARG_APART)
      granary_compile_together(granary_${name})
    endif()
    set(scope PUBLIC)
  else()
    add_library(granary_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(granary_${name} ${scope} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(granary_${name} ${scope} ${ARG_DEPS})

  granary_header_check(${name} "${headers}")
  if(BUILD_TESTING)
    granary_unit_test(${name}_test unit "${ARG_PCH}" "${tests}" "${support}" ${name}
                      "${ARG_TEST_DEPS}")
    granary_unit_test(${name}_long_test long "${ARG_PCH}" "${long_tests}" "${support}"
                      ${name} "${ARG_TEST_DEPS}")
  endif()

  if(benches)
    add_executable(granary_${name}_bench EXCLUDE_FROM_ALL ${benches} ${support})
    target_link_libraries(granary_${name}_bench PRIVATE granary_${name} ${ARG_TEST_DEPS}
      $<TARGET_NAME_IF_EXISTS:granary_testing> benchmark::benchmark_main)
    add_dependencies(benches granary_${name}_bench)
  endif()
endfunction()

# granary_executable(<name> SOURCES <files...> DEPS <targets...>)
# A program at the top of the build folder, build/release/<name>, that knows GRANARY_VERSION.
function(granary_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} granary::jemalloc)
  target_compile_definitions(${name} PRIVATE GRANARY_VERSION="${PROJECT_VERSION}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  install(TARGETS ${name})
endfunction()

# The rest is used by the two functions above.

# Several files of a room in one compilation: the headers and templates that they share are compiled
# once, which halves a clean build. So names of a room's unnamed namespaces must differ too. What it
# hides, a forgotten #include, the tsan preset finds, which is built without (GRANARY_TOGETHER=1).
set(GRANARY_TOGETHER 6 CACHE STRING "How many files of a room are compiled in one go")

function(granary_compile_together target)
  if(GRANARY_TOGETHER GREATER 1)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON
      UNITY_BUILD_BATCH_SIZE ${GRANARY_TOGETHER})
    # "Has a field whose type uses the unnamed namespace": gcc takes an included file for a header.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

function(granary_unit_test target label pch sources support room extra_deps)
  if(NOT sources)
    return()
  endif()
  set(pch_name test)
  if(pch)
    set(pch_name ${pch}_test)
  endif()
  add_executable(granary_${target} ${sources} ${support})
  target_link_libraries(granary_${target} PRIVATE granary_${room} ${extra_deps}
    $<TARGET_NAME_IF_EXISTS:granary_testing> GTest::gmock_main)
  granary_use_pch(granary_${target} ${pch_name})
  # Tests are compiled often and run shortly.
  target_compile_options(granary_${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  gtest_discover_tests(granary_${target} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${label} ENVIRONMENT "${GRANARY_TEST_ENVIRONMENT}")
endfunction()

# An object file for each header, one line long, built only by the target "headers".
function(granary_header_check name headers)
  set(probes)
  foreach(header IN LISTS headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/src OUTPUT_VARIABLE path)
    string(MAKE_C_IDENTIFIER ${path} id)
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/probes/${id}.cc)
    file(CONFIGURE OUTPUT ${probe} CONTENT "#include \"${path}\"\n")
    list(APPEND probes ${probe})
  endforeach()
  if(probes)
    add_library(granary_${name}_headers OBJECT EXCLUDE_FROM_ALL ${probes})
    target_link_libraries(granary_${name}_headers PRIVATE granary_${name})
    target_compile_options(granary_${name}_headers PRIVATE -O0 -g0)
    add_dependencies(headers granary_${name}_headers)
  endif()
endfunction()
