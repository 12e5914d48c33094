# Adds the rooms in the order of src/LAYERS, lowest first. A room without a CMakeLists.txt is
# skipped, so the tree configures while a room is still being written.

set(layers ${PROJECT_SOURCE_DIR}/src/LAYERS)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${layers})
file(GLOB_RECURSE unplaced CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src/granary
     ${PROJECT_SOURCE_DIR}/src/granary/CMakeLists.txt)

file(STRINGS ${layers} lines REGEX "^[a-z]")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^[a-z0-9_/]+" room "${line}")
  if("${room}/CMakeLists.txt" IN_LIST unplaced)
    list(REMOVE_ITEM unplaced ${room}/CMakeLists.txt)
    add_subdirectory(src/granary/${room})
  endif()
endforeach()

if(unplaced)
  message(FATAL_ERROR "No line of src/LAYERS places src/granary/${unplaced}: add one.")
endif()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME layers
         COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_layers.py
                 ${PROJECT_SOURCE_DIR})
set_tests_properties(layers PROPERTIES LABELS lint)
