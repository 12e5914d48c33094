# granary::<name>: one target for each library that rooms may use, whatever its own CMake support.
# All of them come from the packages in tools/packages.apt.

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(rapidcheck REQUIRED)

# granary_third_party(<name> HEADER <file> [LIBRARIES <names>...] [TARGETS <targets>...])
# HEADER is looked for to fail early and clearly; LIBRARIES are found by name.
function(granary_third_party name)
  cmake_parse_arguments(ARG "" "HEADER" "LIBRARIES;TARGETS" ${ARGN})
  add_library(granary_third_party_${name} INTERFACE)
  add_library(granary::${name} ALIAS granary_third_party_${name})

  find_path(GRANARY_${name}_INCLUDE ${ARG_HEADER})
  if(NOT GRANARY_${name}_INCLUDE)
    message(FATAL_ERROR "The header <${ARG_HEADER}> is missing. Run ./dev setup to install it.")
  endif()
  mark_as_advanced(GRANARY_${name}_INCLUDE)
  target_include_directories(granary_third_party_${name} SYSTEM INTERFACE
                             ${GRANARY_${name}_INCLUDE})

  foreach(library IN LISTS ARG_LIBRARIES)
    find_library(GRANARY_${library}_LIBRARY ${library})
    if(NOT GRANARY_${library}_LIBRARY)
      message(FATAL_ERROR "The library ${library} is missing. Run ./dev setup to install it.")
    endif()
    mark_as_advanced(GRANARY_${library}_LIBRARY)
    target_link_libraries(granary_third_party_${name} INTERFACE ${GRANARY_${library}_LIBRARY})
  endforeach()
  target_link_libraries(granary_third_party_${name} INTERFACE ${ARG_TARGETS})
endfunction()

find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(date REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3 REQUIRED)

granary_third_party(simdjson HEADER simdjson.h TARGETS simdjson::simdjson)
# Arrow's libraries export the simdjson built into them, another version under the same names, and
# the loader gives everyone the first that it meets: ours must come before Arrow.
target_link_options(granary_third_party_simdjson INTERFACE
  "SHELL:-Wl,--push-state,--no-as-needed $<TARGET_FILE:simdjson::simdjson> -Wl,--pop-state")
granary_third_party(fmt HEADER fmt/format.h TARGETS fmt::fmt)
granary_third_party(spdlog HEADER spdlog/spdlog.h TARGETS spdlog::spdlog)
granary_third_party(date HEADER date/date.h TARGETS date::date)
granary_third_party(robin_map HEADER tsl/robin_map.h)
granary_third_party(sqlite HEADER sqlite3.h TARGETS SQLite::SQLite3)
granary_third_party(pq HEADER postgresql/libpq-fe.h LIBRARIES pq)
granary_third_party(prometheus HEADER prometheus/registry.h LIBRARIES prometheus-cpp-core)
granary_third_party(cli11 HEADER CLI/CLI.hpp)
granary_third_party(roaring HEADER roaring/roaring.hh LIBRARIES roaring)
granary_third_party(xxhash HEADER xxhash.h LIBRARIES xxhash)
granary_third_party(isal HEADER isa-l/crc.h LIBRARIES isal)
granary_third_party(re2 HEADER re2/re2.h LIBRARIES re2 TARGETS Threads::Threads)
granary_third_party(zstd HEADER zstd.h LIBRARIES zstd)
granary_third_party(zlib HEADER zlib.h TARGETS ZLIB::ZLIB)
granary_third_party(openssl HEADER openssl/ssl.h TARGETS OpenSSL::SSL OpenSSL::Crypto)
# Arrow exports an OpenSSL of its own too, without versions, so what holds for simdjson holds here.
target_link_options(granary_third_party_openssl INTERFACE
  "SHELL:-Wl,--push-state,--no-as-needed $<TARGET_FILE:OpenSSL::SSL> $<TARGET_FILE:OpenSSL::Crypto> -Wl,--pop-state")
granary_third_party(argon2 HEADER argon2.h LIBRARIES argon2)
granary_third_party(protobuf HEADER google/protobuf/message.h LIBRARIES protobuf TARGETS Threads::Threads)
granary_third_party(grpc HEADER grpcpp/grpcpp.h LIBRARIES grpc++_reflection grpc++ grpc gpr
                    absl_synchronization
                    TARGETS granary::openssl granary::protobuf)

# Boost is used for Asio and Beast, both without compiled Boost libraries.
granary_third_party(boost HEADER boost/beast.hpp TARGETS Boost::headers Threads::Threads)
target_compile_definitions(granary_third_party_boost INTERFACE BOOST_ASIO_NO_DEPRECATED)

# The allocator of the finished programs. Sanitizers bring their own.
if(GRANARY_SANITIZE)
  add_library(granary_third_party_jemalloc INTERFACE)
  add_library(granary::jemalloc ALIAS granary_third_party_jemalloc)
else()
  granary_third_party(jemalloc HEADER jemalloc/jemalloc.h LIBRARIES jemalloc)
endif()
