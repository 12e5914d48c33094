# How every file of this project is compiled and linked.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug or RelWithDebInfo" FORCE)
endif()

# -g1 keeps function names and lines for stack traces at a fraction of the full size.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -D_GLIBCXX_ASSERTIONS")
# NDEBUG silences the assertions of libraries (simdjson and Arrow check every step); ours are
# GRANARY_CHECK and stay.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

add_compile_options(-Wall -Wextra -Wpedantic -Werror)
# Members left out of a designated initializer have defaults: that is what they are for.
add_compile_options(-Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports these on correct standard library code (gcc bugs 105651, 105562, 105593): the
  # first two drown everything else, the others are worth reading but not worth failing for.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-error=array-bounds
                      -Wno-error=stringop-overflow -Wno-error=stringop-overread)
endif()

# Paths in messages and debug information start at the root of the tree, wherever that lies.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v2)
endif()

# GRANARY_SANITIZE: "", "address,undefined" or "thread" (presets asan and tsan).
set(GRANARY_SANITIZE "" CACHE STRING "Sanitizers to build with")
if(GRANARY_SANITIZE)
  add_compile_options(-fsanitize=${GRANARY_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GRANARY_SANITIZE})
  # Asio has fences, which gcc's thread sanitizer does not follow and warns of.
  if(GRANARY_SANITIZE MATCHES thread)
    add_compile_options(-Wno-tsan)
  endif()
endif()

# GRANARY_FUZZ: count which branches run, so that libFuzzer finds its way (preset fuzz). Only clang
# can. The fuzzer's main() is linked in by tests/fuzz, not here.
option(GRANARY_FUZZ "Build the libFuzzer targets and nothing that tests" OFF)
if(GRANARY_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "GRANARY_FUZZ needs clang. Use the preset: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

find_program(GRANARY_MOLD mold)
if(GRANARY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# The base directory lets clones and build folders share cached objects; the sloppiness is what
# ccache asks for with precompiled headers.
find_program(GRANARY_CCACHE ccache)
if(GRANARY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${GRANARY_CCACHE})
endif()
