#include "late.h"

#include "base/fs.h"
#include "base/mem.h"
#include "scenarios.h"
#include "spool/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child; ends stopped before that call, or at its end. */
static pid_t begin(struct world *world, const char *scenario, const struct fault_plan *plan)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct stage stage = { .world = world };
        fault_keep_handles(plan->cached);
        stage_open(&stage);
        fault_arm(plan, &world->seen);
        scenario_find(scenario)->act(&stage);
        fault_disarm();
        _exit(0);
    }
    (void)waitpid(pid, &status, WUNTRACED);
    return WIFSTOPPED(status) ? pid : 0;
}

static int go_on(pid_t pid, struct err *err)
{
    int status;
    (void)kill(pid, SIGCONT);
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : err_set(err, ERR_BUG, 0, "a process ended with status %#x", (unsigned)status);
}

/* So that the directory of the claim to come is not just removed. */
static void make_unempty(const struct world *world)
{
    CLEANUP(listing_release) struct listing workers = { 0 };
    CLEANUP(mem_free_text) char *running = mem_printf("%s/running", world->dir);
    (void)listing_read(AT_FDCWD, running, &workers, NULL);
    for (size_t i = 0; i < workers.count; i++) {
        CLEANUP(listing_release) struct listing tokens = { 0 };
        CLEANUP(mem_free_text) char *dir = mem_printf("%s/%s", running, workers.entries[i].name);
        (void)listing_read(AT_FDCWD, dir, &tokens, NULL);
        for (size_t j = 0; j < tokens.count; j++) {
            CLEANUP(mem_free_text) char *file = mem_printf("%s/%s/x", dir, tokens.entries[j].name);
            (void)fs_write_file(AT_FDCWD, file, "", 0, 0, NULL);
        }
    }
}

int late_point(struct world *world, long at, struct err *err)
{
    /* The first call of a claim that changes something is its rename. */
    struct fault_plan claims = {
        .mode = FAULT_STOP, .at = 1, .changes_only = true, .cached = true
    };
    struct fault_plan adopts = { .mode = FAULT_STOP, .at = at };
    (void)world_drop(world, "a");
    world->late = true;
    pid_t late = begin(world, "claim to done", &claims);
    if (!late)
        return err_set(err, ERR_BUG, 0, "the claim was not stopped");
    make_unempty(world);
    pid_t adopter = begin(world, "adoption", &adopts);
    int r = go_on(late, err), fired = adopter != 0;
    if (adopter && r == 0)
        r = go_on(adopter, err);
    else if (adopter)
        (void)go_on(adopter, NULL);
    world->stuck[0] = '\0'; /* the late one finds nothing where it was, as it should */
    return r < 0 ? r : fired;
}
