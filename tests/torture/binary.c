#include "binary.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEADLINE_S = 120 }; /* only a worker that hangs ever reaches it */

/* Beside the spool: pipelines, plugins, and what the library counted. */
static char *beside(const struct world *world, const char *name)
{
    return mem_printf("%s.tools%s%s", world->dir, name[0] ? "/" : "", name);
}

static void write_at(const char *dir, const char *name, const void *data, size_t len)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, name);
    struct err err = { 0 };
    if (fs_write_file(AT_FDCWD, path, data, len, 0, &err) < 0)
        (void)fprintf(stderr, "%s\n", err.text);
}

static void make_job(struct world *world, const char *name, const char *pipeline)
{
    CLEANUP(mem_free_text) char *file = mem_printf("pending/%s.json", name);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"input_path\": \"media/a.mp4\", \"pipeline_id\": \"%s\"}", pipeline);
    write_at(world->dir, file, text, strlen(text));
    (void)world_expect(world, name, 1, 1);
}

void binary_make(struct world *world)
{
    static const char pipeline[] = "id: noop\nsteps:\n  - {id: nothing, use: noop}\n";
    struct fault_seen unseen = { 0 };
    CLEANUP(mem_free_text) char *tools = beside(world, "");
    CLEANUP(mem_free_text) char *pipelines = beside(world, "pipelines");
    CLEANUP(mem_free_text) char *plugins = beside(world, "plugins");
    CLEANUP(mem_free_text) char *link = beside(world, "plugins/noop.so");
    CLEANUP(mem_free_text)
    char *plugin = mem_printf("%s/tests/fixtures/plugins/noop.so", getenv("BUILD"));
    (void)mkdir(tools, 0700);
    (void)mkdir(pipelines, 0700);
    (void)mkdir(plugins, 0700);
    (void)!symlink(plugin, link);
    write_at(pipelines, "noop.yaml", pipeline, strlen(pipeline));
    write_at(tools, "seen", &unseen, sizeof(unseen));
    write_at(world->dir, "media/a.mp4", "x", 1);
    make_job(world, "a", "noop");
    make_job(world, "b", "noop");
    make_job(world, "c", "nowhere");
    world->late = true; /* it does not tell us how often it started what */
}

void binary_run(const struct world *world, const struct fault_plan *plan)
{
    CLEANUP(mem_free_text) char *pipelines = beside(world, "pipelines");
    CLEANUP(mem_free_text) char *plugins = beside(world, "plugins");
    CLEANUP(mem_free_text) char *seen = beside(world, "seen");
    CLEANUP(mem_free_text) char *binary = mem_printf("%s/takeup", getenv("BUILD"));
    CLEANUP(mem_free_text) char *inject = mem_printf("%s/torture/inject.so", getenv("BUILD"));
    CLEANUP(mem_free_text)
    char *how = mem_printf("%d %ld %d %ld %d", (int)plan->mode, plan->at, plan->errnum,
                           plan->lasting, plan->changes_only);
    (void)setenv("OMP_THREAD_LIMIT", "1", 1); /* else it executes itself once more */
    (void)setenv("TAKEUP_FAULT", how, 1);
    (void)setenv("TAKEUP_FAULT_DIR", world->dir, 1);
    (void)setenv("TAKEUP_FAULT_SEEN", seen, 1);
    (void)setenv("LD_PRELOAD", inject, 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && !getenv("TORTURE_KEEP"); fd++)
        (void)dup2(null, fd);
    (void)alarm(DEADLINE_S);
    (void)execl(binary, "takeup", "worker", "--drain", "--settle", "0", "--backoff", "0.1",
                "--spool", world->dir, "--pipelines", pipelines, "--plugins", plugins, NULL);
    _exit(127);
}

void binary_end(struct world *world)
{
    CLEANUP(mem_free_text) char *tools = beside(world, "");
    CLEANUP(mem_free_text) char *path = beside(world, "seen");
    CLEANUP(mem_free_text) char *data = NULL;
    size_t len;
    if (fs_read_file(AT_FDCWD, path, sizeof(world->seen), &data, &len, NULL) == 0 &&
        len == sizeof(world->seen))
        memcpy(&world->seen, data, len);
    (void)fs_remove_tree(AT_FDCWD, tools, NULL);
}
