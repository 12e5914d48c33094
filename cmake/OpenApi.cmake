# granary_openapi(<room> DOCUMENT <file of docs/openapi> HEADER <header> FUNCTION <name> [NAMESPACE <name>])
# Builds the document into the room: HEADER declares the function that returns its text.
function(granary_openapi room)
  cmake_parse_arguments(ARG "" "DOCUMENT;HEADER;FUNCTION;NAMESPACE" "" ${ARGN})
  set(document ${PROJECT_SOURCE_DIR}/docs/openapi/${ARG_DOCUMENT})
  set(embedded ${CMAKE_CURRENT_BINARY_DIR}/openapi_document.cc)
  add_custom_command(
    OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} -DIN=${document} -DOUT=${embedded} -DHEADER=${ARG_HEADER}
            -DFUNCTION=${ARG_FUNCTION} -DNAMESPACE=${ARG_NAMESPACE} -P ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake
    DEPENDS ${document} ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake
    COMMENT "Embedding ${ARG_DOCUMENT}")
  target_sources(granary_${room} PRIVATE ${embedded})
endfunction()
