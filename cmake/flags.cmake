# Every warning and instrumentation flag, on one INTERFACE target that all of ours link.
add_library(ftl_flags INTERFACE)

set(FTL_WARNINGS
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wvla -Wcast-qual
  -Wcast-align -Wwrite-strings -Wpointer-arith -Wformat=2 -Wimplicit-fallthrough
  -Wdouble-promotion -Wnull-dereference)
set(FTL_C_WARNINGS -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
set(FTL_GCC_WARNINGS -Wlogical-op -Wduplicated-cond -Wduplicated-branches)

target_compile_options(ftl_flags INTERFACE ${FTL_WARNINGS} $<$<COMPILE_LANGUAGE:C>:${FTL_C_WARNINGS}>)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(ftl_flags INTERFACE ${FTL_GCC_WARNINGS})
endif()
if(FTL_WERROR)
  target_compile_options(ftl_flags INTERFACE -Werror)
endif()
# unsafe libc calls do not compile
target_compile_options(ftl_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${PROJECT_SOURCE_DIR}/src/base/banned.h>")
target_compile_definitions(ftl_flags INTERFACE _GNU_SOURCE FTL_VERSION="${PROJECT_VERSION}")

if(FTL_SANITIZE)
  target_compile_options(ftl_flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(ftl_flags INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(ftl_flags INTERFACE FTL_SANITIZE)
endif()
if(FTL_SANDBOX)
  target_compile_definitions(ftl_flags INTERFACE FTL_SANDBOX)
endif()
if(FTL_FUZZ)
  target_compile_options(ftl_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
  target_link_options(ftl_flags INTERFACE -fsanitize=address,undefined)
endif()
if(FTL_HARDEN)
  target_compile_options(ftl_flags INTERFACE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
    -fstack-clash-protection -fcf-protection=full -fPIE)
  target_link_options(ftl_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
