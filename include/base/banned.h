/* base/banned.h: functions that write without a bound, hide state, or take a locale: each has a better one. Included by the build in
 * every file. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* With fortification some of them are macros, which clang will not poison. */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atof gets gmtime localtime ctime asctime system popen
