/* Included before every C source of ours by the compiler's command line (cmake/flags.cmake): a call
 * of a function below does not compile. What to use instead stands beside it. */
#ifndef FETTLE_BASE_BANNED_H
#define FETTLE_BASE_BANNED_H

/* the functions' own headers, before their names become macros */
#include <alloca.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>

#define FTL_BANNED(fn) ftl_##fn##_is_banned_see_base_banned_h

/* no bound on what they write: snprintf, ftl_str, ftl_copy_text, memcpy */
#undef sprintf
#define sprintf(...) FTL_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) FTL_BANNED(vsprintf)
#undef strcpy
#define strcpy(...) FTL_BANNED(strcpy)
#undef strcat
#define strcat(...) FTL_BANNED(strcat)
#undef strncpy
#define strncpy(...) FTL_BANNED(strncpy)
#undef strncat
#define strncat(...) FTL_BANNED(strncat)
#undef gets
#define gets(...) FTL_BANNED(gets)
#undef alloca
#define alloca(...) FTL_BANNED(alloca)

/* no way to tell an error: base/number.h, base/quantity.h */
#undef atoi
#define atoi(...) FTL_BANNED(atoi)
#undef atol
#define atol(...) FTL_BANNED(atol)
#undef atoll
#define atoll(...) FTL_BANNED(atoll)
#undef atof
#define atof(...) FTL_BANNED(atof)
#undef scanf
#define scanf(...) FTL_BANNED(scanf)
#undef fscanf
#define fscanf(...) FTL_BANNED(fscanf)
#undef sscanf
#define sscanf(...) FTL_BANNED(sscanf)

/* one hidden buffer for all threads: strcspn, the _r forms, ftl_wall_text */
#undef strtok
#define strtok(...) FTL_BANNED(strtok)
#undef localtime
#define localtime(...) FTL_BANNED(localtime)
#undef gmtime
#define gmtime(...) FTL_BANNED(gmtime)
#undef ctime
#define ctime(...) FTL_BANNED(ctime)
#undef asctime
#define asctime(...) FTL_BANNED(asctime)

/* names that somebody else may take first: ftl_fd_temporary */
#undef mktemp
#define mktemp(...) FTL_BANNED(mktemp)
#undef tmpnam
#define tmpnam(...) FTL_BANNED(tmpnam)

/* a shell in between: posix_spawn, execve */
#undef system
#define system(...) FTL_BANNED(system)
#undef popen
#define popen(...) FTL_BANNED(popen)

#ifndef FTL_RAW_HEAP /* base/mem.c only: ftl_calloc, ftl_realloc, ftl_strdup, ftl_free, arenas */
#undef malloc
#define malloc(...) FTL_BANNED(malloc)
#undef calloc
#define calloc(...) FTL_BANNED(calloc)
#undef realloc
#define realloc(...) FTL_BANNED(realloc)
#undef reallocarray
#define reallocarray(...) FTL_BANNED(reallocarray)
#undef free
#define free(...) FTL_BANNED(free)
#undef strdup
#define strdup(...) FTL_BANNED(strdup)
#undef strndup
#define strndup(...) FTL_BANNED(strndup)
#undef asprintf
#define asprintf(...) FTL_BANNED(asprintf)
#undef vasprintf
#define vasprintf(...) FTL_BANNED(vasprintf)
#endif

#endif
