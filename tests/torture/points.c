/* points - each scenario, hurt at its 1st, 2nd, 3rd … call that touches the spool, until it runs to
 * its end unhurt; after each, is every job there once, and does it end?
 *
 *     points [SCENARIO|late]        TORTURE=whole: every point; else calls that change something,
 * and of these a part that fits into `make check` points SCENARIO KIND AT  one point again, as a
 * failure names it; TORTURE_KEEP=1 leaves it
 *
 * TAP, a test for each scenario and kind of hurt, with the number of points tried. */
#include "binary.h"
#include "late.h"
#include "scenarios.h"

#include "base/macros.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* With a sanitizer each point takes ten times as long, and what that looks for is in all of them.
 */
enum { LASTING = 25, FAILURES_SHOWN = 5, SLOWNESS = BUILD_IS_SANITIZED ? 36 : 3 };
enum { EXIT_UNUSABLE = 3 /* of takeup */ };

static const struct kind {
    const char *name;
    struct fault_plan plan;
    long stride; /* of a quick run */
} kinds[] = {
    { "kill before", { .mode = FAULT_KILL_BEFORE }, 1 },
    { "kill after", { .mode = FAULT_KILL_AFTER }, 1 },
    { "stop", { .mode = FAULT_STOP }, 1 },
    { "stop, cached", { .mode = FAULT_STOP, .cached = true }, 1 },
    { "EIO", { .mode = FAULT_ERROR, .errnum = EIO }, 1 },
    { "ENOSPC", { .mode = FAULT_ERROR, .errnum = ENOSPC }, 3 },
    { "EINTR", { .mode = FAULT_ERROR, .errnum = EINTR }, 3 },
    { "EDQUOT", { .mode = FAULT_ERROR, .errnum = EDQUOT }, 3 },
    { "ESTALE", { .mode = FAULT_ERROR, .errnum = ESTALE }, 3 },
    { "EACCES", { .mode = FAULT_ERROR, .errnum = EACCES }, 3 },
    { "EIO for a while", { .mode = FAULT_ERROR, .errnum = EIO, .lasting = LASTING }, 3 },
    { "ENOSPC for a while", { .mode = FAULT_ERROR, .errnum = ENOSPC, .lasting = LASTING }, 3 },
    { "EINTR for a while", { .mode = FAULT_ERROR, .errnum = EINTR, .lasting = LASTING }, 3 },
    { "EDQUOT for a while", { .mode = FAULT_ERROR, .errnum = EDQUOT, .lasting = LASTING }, 3 },
    { "ESTALE for a while", { .mode = FAULT_ERROR, .errnum = ESTALE, .lasting = LASTING }, 3 },
    { "EACCES for a while", { .mode = FAULT_ERROR, .errnum = EACCES, .lasting = LASTING }, 3 },
    { "done, says ENOENT", { .mode = FAULT_LIE, .errnum = ENOENT }, 1 },
    { "done, says EEXIST", { .mode = FAULT_LIE, .errnum = EEXIST }, 1 },
    { "done, says EIO", { .mode = FAULT_LIE, .errnum = EIO }, 1 },
    { "done, says EIO, and on", { .mode = FAULT_LIE, .errnum = EIO, .lasting = LASTING }, 1 },
    { "done, says ENOENT, EIO on", { .mode = FAULT_LIE, .errnum = ENOENT, .lasting = LASTING }, 1 },
};

static void act(const struct scenario *scenario, struct world *world, const struct fault_plan *plan)
{
    struct stage stage = { .world = world };
    world->strict = plan->lasting == 0;
    fault_keep_handles(plan->cached);
    if (!scenario->alone)
        stage_open(&stage);
    fault_arm(plan, &world->seen);
    scenario->act(&stage);
    fault_disarm();
    if (stage.seat)
        stage_settle(&stage);
    stage_close(&stage);
    _exit(0);
}

/* Others take its jobs while it sleeps; then it goes on as if nothing had been. */
static int wake_late(struct world *world, pid_t pid, int *ret_status, struct err *err)
{
    world->late = true;
    int r = world_finish(world, err);
    (void)kill(pid, SIGCONT);
    (void)waitpid(pid, ret_status, 0);
    world->stuck[0] = '\0'; /* much does not end well for it, as it should */
    return r;
}

static int judge(struct world *world, int worst, int status, struct err *err)
{
    if (WIFEXITED(status) ? WEXITSTATUS(status) > worst : WTERMSIG(status) != SIGKILL)
        return err_set(err, ERR_BUG, 0, "the process ended with status %#x", (unsigned)status);
    int r = world->stuck[0] ? err_set(err, ERR_BUG, 0, "stuck: %s", world->stuck) : 0;
    if (r == 0)
        r = world_finish(world, err);
    if (r == 0)
        r = world_repair(world, err);
    return r < 0 ? r : world_check(world, err);
}

/* 1: hurt at this point. 0: there is no such point any more. < 0: *err. */
static int try_point(const struct scenario *scenario, const struct kind *kind, long at, bool whole,
                     struct world *world, struct err *err)
{
    struct fault_plan plan = kind->plan;
    int status, r = 0;
    plan.at = at;
    plan.changes_only = !whole;
    world_make(world, !scenario->no_spool);
    if (scenario->make)
        scenario->make(world);
    pid_t pid = fork();
    if (pid == 0 && scenario->binary)
        binary_run(world, &plan);
    else if (pid == 0)
        act(scenario, world, &plan);
    (void)waitpid(pid, &status, WUNTRACED);
    if (plan.errnum == EACCES) /* what may never be moved keeps no job from being run */
        world->kept[0] = '\0';
    if (WIFSTOPPED(status))
        r = wake_late(world, pid, &status, err);
    if (scenario->binary)
        binary_end(world);
    if (r == 0)
        r = judge(world, scenario->binary ? EXIT_UNUSABLE : 0, status, err);
    if (r < 0)
        err_context(err, "at %ld (%s)", at, world->seen.call);
    if (r < 0 && getenv("TORTURE_KEEP"))
        (void)printf("# kept: %s\n", world->dir);
    else
        world_remove(world);
    return r < 0 ? r : world->seen.fired;
}

static int try_late(long at, struct world *world, struct err *err)
{
    world_make(world, true);
    int r = late_point(world, at, err);
    bool fired = r > 0;
    if (r >= 0)
        r = judge(world, 0, 0, err);
    if (r < 0)
        err_context(err, "at %ld (%s)", at, world->seen.call);
    world_remove(world);
    return r < 0 ? r : fired;
}

static bool try_all_late(struct world *world, int number)
{
    struct err err = { 0 };
    long at = 1;
    int r;
    while ((r = try_late(at, world, &err)) > 0)
        at++;
    (void)printf("%sok %d - a claim that lands late in a fence: %ld points\n", r < 0 ? "not " : "",
                 number, at);
    if (r < 0)
        (void)printf("#   %s\n", err.text);
    return r == 0;
}

static bool try_all(const struct scenario *scenario, const struct kind *kind, struct world *world,
                    bool whole, int number)
{
    long stride = whole ? 1 : kind->stride * scenario->stride * SLOWNESS, points = 0;
    int failures = 0, r = 1;
    char told[FAILURES_SHOWN][ERR_TEXT_SIZE];
    for (long at = 1; r != 0; at += stride) {
        struct err err = { 0 };
        r = try_point(scenario, kind, at, whole, world, &err);
        points += r != 0;
        if (r < 0 && failures++ < FAILURES_SHOWN)
            (void)snprintf(told[failures - 1], sizeof(told[0]), "%s", err.text);
        if (!world->seen.fired) /* also when it does not even work unhurt */
            break;
    }
    (void)printf("%sok %d - %s, %s: %ld points\n", failures ? "not " : "", number, scenario->name,
                 kind->name, points);
    for (int i = 0; i < failures && i < FAILURES_SHOWN; i++)
        (void)printf("#   %s\n", told[i]);
    if (failures)
        (void)printf("#   %d points failed\n", failures);
    (void)fflush(stdout);
    return failures == 0;
}

static int one_point(struct world *world, bool whole, char **args)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct scenario *scenario = scenario_find(args[1]);
        struct err err = { 0 };
        if (!scenario || strcmp(args[2], kinds[i].name) != 0)
            continue;
        int r = try_point(scenario, &kinds[i], atol(args[3]), whole, world, &err);
        (void)printf("%d %s\n", r, err.text);
        return r < 0;
    }
    return 2;
}

/* The real worker only when it is named; and a spool that fails for a while makes it pause, by the
 * second, which is for the whole run. */
static bool is_wanted(const struct scenario *scenario, const struct kind *kind, bool whole,
                      const char *name)
{
    if (scenario->binary && !whole && kind->plan.lasting)
        return false;
    return name ? strcmp(name, scenario->name) == 0 : !scenario->binary;
}

int main(int argc, char **argv)
{
    const char *how = getenv("TORTURE");
    bool whole = how && strcmp(how, "whole") == 0, good = true;
    struct world *world = world_new();
    int number = 0;
    if (argc == 4)
        return one_point(world, whole, argv);
    for (size_t i = 0; i < scenario_count; i++)
        for (size_t j = 0; j < COUNT(kinds); j++)
            if (is_wanted(&scenarios[i], &kinds[j], whole, argv[1]))
                good &= try_all(&scenarios[i], &kinds[j], world, whole, ++number);
    if (!argv[1] || strcmp(argv[1], "late") == 0)
        good &= try_all_late(world, ++number);
    (void)printf("1..%d\n", number);
    return good ? 0 : 1;
}
