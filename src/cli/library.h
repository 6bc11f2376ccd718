/* library.h - shared objects that belong to this program, loaded when they are first asked for. */
#ifndef TAKEUP_CLI_LIBRARY_H
#define TAKEUP_CLI_LIBRARY_H

#include "base/err.h"

/* The symbol of a shared object that lies beside the binary in a build, else where it is installed.
 * It is never unloaded. ERR_MISSING names each path that was tried; `what` says what is missing
 * with it ("the built-in steps"). The caller looks at its version, and calls library_is_other. */
int library_load(const char *file, const char *symbol, const char *what, const void **ret_symbol,
                 struct err *err);
/* It is there, and not of this version. */
int library_is_other(const char *file, struct err *err);

#endif
