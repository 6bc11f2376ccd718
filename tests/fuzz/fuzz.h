/* fuzz.h - what a fuzz target is.
 *
 * A target is one file here: it hands bytes of a stranger to one public function that takes such
 * bytes, and holds what comes back to what the header promises. It is linked twice: with libFuzzer,
 * which looks for bytes that break it (`make fuzz`), and with replay.c, which is a test that hands
 * it the files of corpus/TARGET once more (`make check`). */
#ifndef TAKEUP_TEST_FUZZ_H
#define TAKEUP_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's; 0 always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assertion that no build leaves out. */
#define MUST(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
