# granary_console(<room>)
# Bundles the web console (console/) and builds its files into the room, which declares them in
# granary/services/monitoring/console_files.h.
function(granary_console room)
  set(folder ${PROJECT_SOURCE_DIR}/console)
  set(node ${PROJECT_SOURCE_DIR}/third_party/node/bin/node)
  foreach(needed ${node} ${folder}/node_modules/.pins)
    if(NOT EXISTS ${needed})
      message(FATAL_ERROR "The web console is built with Node.js, and ${needed} is not there: run ./dev setup.")
    endif()
  endforeach()
  set(bundle ${CMAKE_CURRENT_BINARY_DIR}/console)
  set(embedded ${CMAKE_CURRENT_BINARY_DIR}/console_files.cc)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/src/*)
  add_custom_command(
    OUTPUT ${embedded}
    COMMAND ${node} ${folder}/node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir --outDir ${bundle}
    COMMAND ${node} ${folder}/embed.js ${bundle} ${embedded}
    DEPENDS ${sources} ${folder}/index.html ${folder}/embed.js ${folder}/vite.config.ts
            ${folder}/svelte.config.js ${folder}/tsconfig.json ${folder}/node_modules/.pins
    WORKING_DIRECTORY ${folder}
    COMMENT "Bundling the web console"
    VERBATIM)
  target_sources(granary_${room} PRIVATE ${embedded})
  # The assembler includes the files: nothing else belongs into the same unit.
  set_source_files_properties(${embedded} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
