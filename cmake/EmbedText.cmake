# cmake -DIN=<file> -DOUT=<file.cc> -DHEADER=<header> -DFUNCTION=<name> [-DNAMESPACE=<name>] -P EmbedText.cmake
# A source file whose function, declared in HEADER, returns the text of IN.
if(NOT NAMESPACE)
  set(NAMESPACE granary::services)
endif()
file(READ "${IN}" text)
cmake_path(GET IN FILENAME name)
file(WRITE "${OUT}" "// Made of ${name} by the build.
#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::string_view ${FUNCTION}() {
  return R\"embedded(${text})embedded\";
}

}  // namespace ${NAMESPACE}
")
