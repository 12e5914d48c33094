# granary_arrow: Arrow C++ 26 with Parquet and the compute kernels.
#
# An Arrow that CMake finds is taken when it is version 26; otherwise the one that `./dev setup`
# unpacks into third_party/arrow. The kernels register themselves only when the program calls
# arrow::compute::Initialize().

set(GRANARY_ARROW_MAJOR 26)
set(GRANARY_ARROW_ROOT ${PROJECT_SOURCE_DIR}/third_party/arrow)
add_library(granary_arrow INTERFACE)

# Programs find Arrow where it lies, from any folder, built or installed.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

find_package(Arrow ${GRANARY_ARROW_MAJOR} QUIET CONFIG)
if(Arrow_FOUND AND Arrow_VERSION VERSION_LESS 27)
  find_package(Parquet ${GRANARY_ARROW_MAJOR} REQUIRED CONFIG)
  find_package(ArrowCompute ${GRANARY_ARROW_MAJOR} REQUIRED CONFIG)
  target_link_libraries(granary_arrow INTERFACE Parquet::parquet_shared
                        ArrowCompute::arrow_compute_shared Arrow::arrow_shared)
  message(STATUS "Arrow ${Arrow_VERSION}: ${Arrow_DIR}")
else()
  foreach(library IN ITEMS parquet arrow_compute arrow)
    set(file ${GRANARY_ARROW_ROOT}/lib${library}.so.${GRANARY_ARROW_MAJOR}00)
    if(NOT EXISTS ${file})
      message(FATAL_ERROR "${file} is missing. Run ./dev setup, which unpacks Arrow there.")
    endif()
    add_library(granary_arrow_${library} SHARED IMPORTED)
    set_target_properties(granary_arrow_${library} PROPERTIES
      IMPORTED_LOCATION ${file}
      INTERFACE_INCLUDE_DIRECTORIES ${GRANARY_ARROW_ROOT}/include)
    target_link_libraries(granary_arrow INTERFACE granary_arrow_${library})
  endforeach()
  list(APPEND CMAKE_INSTALL_RPATH ${GRANARY_ARROW_ROOT})
  message(STATUS "Arrow ${GRANARY_ARROW_MAJOR}: third_party/arrow")
endif()
