# ftl_module(NAME base DEPS ... LIBS ...): one static library per folder under src/. The folder's *.c
# are its sources; DEPS are our modules it may use (the include matrix, checked by tests/arch), LIBS
# are imported targets.
function(ftl_module name)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;SOURCES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  if(NOT sources AND NOT M_SOURCES)
    add_library(ftl_${name} INTERFACE) # nothing written yet
    return()
  endif()
  add_library(ftl_${name} STATIC ${sources} ${M_SOURCES})
  target_include_directories(ftl_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
                                                ${PROJECT_SOURCE_DIR})
  target_link_libraries(ftl_${name} PRIVATE ftl_flags)
  foreach(dep ${M_DEPS})
    target_link_libraries(ftl_${name} PUBLIC ftl_${dep})
  endforeach()
  target_link_libraries(ftl_${name} PUBLIC ${M_LIBS})
endfunction()
