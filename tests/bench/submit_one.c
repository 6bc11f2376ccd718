/* submit_one SPOOL COUNT: a job at a time, each durable before the next. */
#include "base/macros.h"
#include "spool/submit.h"

#include <stdio.h>
#include <stdlib.h>

static int submit_one(struct spool *spool, int number, struct err *err)
{
    CLEANUP(submit_free) struct submit *submit = NULL;
    CLEANUP(json_drop) json_t *job = json_object();
    char name[32];
    (void)snprintf(name, sizeof(name), "job-%06d", number);
    json_set_text(job, "input_path", "/tmp/clip.mp4");
    int r = submit_begin(spool, PLACE_PENDING, &submit, err);
    if (r == 0)
        r = submit_add(submit, name, job, err);
    return r < 0 ? r : submit_end(submit, err);
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    CLEANUP(spool_close) struct spool *spool = NULL;
    int r = argc == 3 ? spool_open(argv[1], &spool, &err) : -1;
    for (int i = 0; r == 0 && i < atoi(argv[2]); i++)
        r = submit_one(spool, i, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s\n", argc == 3 ? err.text : "submit_one SPOOL COUNT");
    return r < 0;
}
