#include "worker/output.h"

#include "base/fs.h"

#include <stdio.h>

bool output_is_too_large(int output_dir, int64_t most_bytes)
{
    return most_bytes > 0 && output_dir >= 0 && fs_files_bytes(output_dir, NULL) > most_bytes;
}

/* A write that the sandbox let fail is an error of I/O, whatever the step made of that. */
static bool ended_at_limit(enum failure failure, int output_dir, int64_t most_bytes)
{
    if (failure == FAILURE_IO)
        return output_is_too_large(output_dir, most_bytes - 1);
    return failure == FAILURE_OUTPUT ||
           (failure == FAILURE_NONE && output_is_too_large(output_dir, most_bytes));
}

bool output_amend(struct runner_end *end, int output_dir, int64_t most_bytes)
{
    if (!ended_at_limit(end->failure, output_dir, most_bytes))
        return false;
    end->failure = FAILURE_OUTPUT;
    (void)snprintf(end->text, sizeof(end->text),
                   "the results are larger than %lld MiB (max_output)",
                   (long long)(most_bytes >> 20));
    (void)snprintf(end->hint, sizeof(end->hint), "%s",
                   "raise max_output in takeup.yaml, or leave out what is large: keep_images, for "
                   "one");
    return true;
}
