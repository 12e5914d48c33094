# granary_proto: the messages of proto/, generated at build time by Debian's protoc.
#
# Only messages: the gRPC server passes bytes on (net/grpc_server.h), so no stubs are needed. The
# generated headers are slow to compile; api/proto_*.cc and cbo_engine/engine_messages.cc alone
# include them.

find_program(GRANARY_PROTOC protoc REQUIRED)
set(proto_root ${PROJECT_SOURCE_DIR}/proto)
set(proto_out ${CMAKE_BINARY_DIR}/proto)
file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE ${proto_root} ${proto_root}/*.proto)
file(MAKE_DIRECTORY ${proto_out})

set(proto_sources)
foreach(file IN LISTS proto_files)
  string(REGEX REPLACE "\\.proto$" "" stem ${file})
  add_custom_command(
    OUTPUT ${proto_out}/${stem}.pb.cc ${proto_out}/${stem}.pb.h
    COMMAND ${GRANARY_PROTOC} -I ${proto_root} --cpp_out=${proto_out} ${file}
    DEPENDS ${proto_root}/${file}
    COMMENT "Generating ${stem}.pb.cc")
  list(APPEND proto_sources ${proto_out}/${stem}.pb.cc)
endforeach()

add_library(granary_proto STATIC ${proto_sources})
target_include_directories(granary_proto SYSTEM PUBLIC ${proto_out})
target_link_libraries(granary_proto PUBLIC granary::protobuf)
target_compile_options(granary_proto PRIVATE -w -O1 -g0)
