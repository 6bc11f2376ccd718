/* A run on several threads: what follows a parallel step sees what it sees in a run on one. */
#include "test.h"

#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "pipeline/plan.h"
#include "pipeline/schedule.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { WAIT_MAX_MS = 20000, MET = 2 };

/* What the steps of a run do and tell; threads write to it. */
static struct {
    atomic_int alive, most_alive; /* items */
    atomic_int overlaps;          /* an instance was called while it was at work */
    atomic_int inside, most_inside;
    atomic_int warmed, opened, closed;
    atomic_int pulled; /* items */
    atomic_int warming, most_warming;
    atomic_bool missed;      /* nobody came to `meet` */
    atomic_int most_threads; /* of the process, in a feed */
    int fail_at;             /* the value at which `spread` fails; -1: at none */
    int fail_pull;           /* the same for `count` */
    int fail_open;           /* which call of open fails, from 0; -1: none */
    bool silent, fails_warm, meets;
    bool ends;       /* `gather` ends the run at its third item */
    int64_t warm_us; /* so long it took, they are told, to warm each step */
} seen;

static void seen_reset(void)
{
    memset(&seen, 0, sizeof(seen));
    seen.fail_at = seen.fail_pull = seen.fail_open = -1;
}

static void keep_most(atomic_int *most, int value)
{
    int was = atomic_load(most);
    while (was < value && !atomic_compare_exchange_weak(most, &was, value))
        ;
}

static void nap_us(int us)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = us * 1000L }, NULL);
}

/* ---- items: frames whose pts is the value that they carry ---- */

static void item_free(struct takeup_item *item)
{
    (void)atomic_fetch_sub(&seen.alive, 1);
    free(item);
}

static void *item_new(enum takeup_port port, const struct takeup_item *like, int64_t value)
{
    struct takeup_frame *frame = mem_zero(1, sizeof(*frame) + 64);
    keep_most(&seen.most_alive, atomic_fetch_add(&seen.alive, 1) + 1);
    frame->item = (struct takeup_item){ .port = port,
                                        .references = 1,
                                        .start_us = like ? like->start_us : value * 1000,
                                        .end_us = like ? like->end_us : value * 1000 + 1000,
                                        .free = item_free };
    if (port == TAKEUP_PORT_FRAME)
        frame->pts = value;
    return frame;
}

static int64_t value_of(const struct takeup_item *item)
{
    return ((const struct takeup_frame *)item)->pts;
}

/* ---- steps ---- */

struct params {
    int64_t count, batch, nap_us;
    const char *tag;
};

static const struct takeup_param table[] = {
    { "count", TAKEUP_TYPE_INT, offsetof(struct params, count), "60", 0, 1e6, NULL, "" },
    { "batch", TAKEUP_TYPE_INT, offsetof(struct params, batch), "3", 1, 1e6, NULL, "" },
    { "nap_us", TAKEUP_TYPE_INT, offsetof(struct params, nap_us), "300", 0, 1e6, NULL, "" },
    { "tag", TAKEUP_TYPE_TEXT, offsetof(struct params, tag), "x", 0, 0, NULL, "" },
    { 0 },
};

struct step {
    const struct params *params;
    struct takeup_host *host;
    atomic_bool at_work;
    uint64_t random;
    int64_t done, sum;
    bool is_open;
};

static int warm(void *self, const void *params, struct takeup_why *why)
{
    (void)self, (void)params;
    int before = atomic_fetch_add(&seen.warmed, 1);
    if (!seen.fails_warm || before == 0)
        return 0;
    (void)snprintf(why->text, sizeof(why->text), "no second one");
    return -1;
}

/* Until the source is at work. */
static int warm_late(void *self, const void *params, struct takeup_why *why)
{
    (void)self, (void)params, (void)why;
    keep_most(&seen.most_warming, atomic_fetch_add(&seen.warming, 1) + 1);
    for (int ms = 0; atomic_load(&seen.pulled) == 0 && !atomic_load(&seen.missed); ms++) {
        atomic_store(&seen.missed, ms >= WAIT_MAX_MS);
        nap_us(1000);
    }
    nap_us(30000); /* tasks wait meanwhile */
    (void)atomic_fetch_sub(&seen.warming, 1);
    return 0;
}

static int warm_never(void *self, const void *params, struct takeup_why *why)
{
    (void)warm_late(self, params, why);
    why->failure = TAKEUP_FAIL_MISSING;
    (void)snprintf(why->text, sizeof(why->text), "no model");
    (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "install it");
    return -1;
}

static int open_step(void *self, const void *params, struct takeup_host *host)
{
    struct step *step = self;
    step->params = params;
    step->host = host;
    step->is_open = true;
    step->random = (uint64_t)(uintptr_t)self ^ (uint64_t)time(NULL);
    if (atomic_fetch_add(&seen.opened, 1) == seen.fail_open)
        return (host->fail)(host, TAKEUP_FAIL_MEMORY, NULL, "no place for %s", step->params->tag);
    return 0;
}

static void close_step(void *self)
{
    struct step *step = self;
    if (step->is_open)
        (void)atomic_fetch_add(&seen.closed, 1);
}

static void enter(struct step *step)
{
    if (atomic_exchange(&step->at_work, true))
        (void)atomic_fetch_add(&seen.overlaps, 1);
}

static int leave(struct step *step, int r)
{
    atomic_store(&step->at_work, false);
    return r;
}

static int count_pull(void *self, struct takeup_output *output)
{
    struct step *step = self;
    struct takeup_host *host = step->host;
    enter(step);
    keep_most(&seen.most_threads, proc_thread_count());
    for (int64_t i = 0; i < step->params->batch; i++) {
        if (step->done >= step->params->count)
            return leave(step, 0);
        if (step->done == seen.fail_pull)
            return leave(step, (host->fail)(host, TAKEUP_FAIL_IO, NULL, "cannot be read"));
        (void)atomic_fetch_add(&seen.pulled, 1);
        host->count(host, TAKEUP_COUNT_FRAMES_DECODED, 1);
        host->progress(host, step->done, step->params->count);
        int r = takeup_emit(output, item_new(TAKEUP_PORT_FRAME, NULL, step->done++));
        if (r < 0)
            return leave(step, r);
    }
    return leave(step, 1);
}

/* Some time that nobody can foresee. */
static void idle_about(struct step *step)
{
    step->random = step->random * 6364136223846793005ULL + 1442695040888963407ULL;
    if (step->params->nap_us > 0)
        nap_us((int)((step->random >> 33) % (uint64_t)step->params->nap_us));
}

/* Until another instance is in here as well. */
static void meet(void)
{
    for (int ms = 0; atomic_load(&seen.most_inside) < MET; ms++) {
        if (ms >= WAIT_MAX_MS || atomic_load(&seen.missed)) {
            atomic_store(&seen.missed, true);
            return;
        }
        nap_us(1000);
    }
}

static int work(struct step *step, int64_t value)
{
    struct takeup_host *host = step->host;
    keep_most(&seen.most_inside, atomic_fetch_add(&seen.inside, 1) + 1);
    keep_most(&seen.most_threads, proc_thread_count());
    if (seen.meets)
        meet();
    idle_about(step);
    (void)atomic_fetch_sub(&seen.inside, 1);
    host->count(host, TAKEUP_COUNT_FRAMES_READ, (uint64_t)value % 5);
    if (value % 13 == 0)
        host->warn(host, "%s does not like %d", step->params->tag, (int)value);
    if (value % 29 == 0)
        host->info(host, "%d was here", (int)value);
    if (value != seen.fail_at)
        return 0;
    if (seen.silent)
        return -7;
    return (host->fail)(host, TAKEUP_FAIL_INPUT, "try another", "no luck with %d", (int)value);
}

/* None, one or several for each. */
static int spread_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct step *step = self;
    enter(step);
    int64_t value = value_of(item);
    int r = work(step, value);
    for (int64_t i = 0; r >= 0 && i < (value * 7 + 1) % 4; i++)
        r = takeup_emit(output, item_new(TAKEUP_PORT_FRAME, item, value * 4 + i));
    return leave(step, r);
}

static int find_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    static const struct takeup_object object = { .label = "thing",
                                                 .confidence = 0.5F,
                                                 .box = { 1, 2, 3, 4 } };
    struct step *step = self;
    enter(step);
    int64_t value = value_of(item);
    int r = work(step, value);
    if (r < 0)
        return leave(step, r);
    struct takeup_boxes *boxes = item_new(TAKEUP_PORT_BOXES, item, value);
    boxes->objects = &object;
    boxes->count = value % 2 ? 1 : 0;
    return leave(step, takeup_emit(output, boxes));
}

/* Depends on all that it was fed with before, so that any other order shows. */
static int chain_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct step *step = self;
    enter(step);
    step->sum = (step->sum * 31 + value_of(item) * 7 + (int64_t)item->number) % 1000003;
    int r = 0;
    if (step->sum % 3)
        r = takeup_emit(output, item_new(TAKEUP_PORT_FRAME, item, step->sum));
    return leave(step, r);
}

static int chain_finish(void *self, struct takeup_output *output)
{
    struct step *step = self;
    struct takeup_item *last = item_new(TAKEUP_PORT_FRAME, NULL, step->sum);
    return takeup_emit(output, last);
}

static int gather_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct step *step = self;
    enter(step);
    if (seen.ends && ++step->done == 3)
        return leave(step, (step->host->fail)(step->host, TAKEUP_FAIL_STOPPED, NULL, "stopped"));
    struct takeup_segment *segment = item_new(TAKEUP_PORT_SEGMENTS, item, 0);
    char *text = (char *)segment + sizeof(struct takeup_frame);
    (void)snprintf(text, 64, "%s %d as %d", step->params->tag, (int)value_of(item),
                   (int)item->number);
    segment->text = text;
    return leave(step, takeup_emit(output, segment));
}

#define STEP_(name_, takes_, gives_, flags_, feed_, pull_, finish_)                                \
    {                                                                                              \
        .name = (name_), .help = "a fake", .takes = TAKEUP_PORT_##takes_,                          \
        .gives = TAKEUP_PORT_##gives_, .flags = TAKEUP_##flags_, .params = table,                  \
        .params_size = sizeof(struct params), .self_size = sizeof(struct step), .open = open_step, \
        .feed = (feed_), .pull = (pull_), .finish = (finish_), .close = close_step,                \
    }

static struct takeup_step list[] = {
    STEP_("count", NONE, FRAME, SERIAL, NULL, count_pull, NULL),
    STEP_("spread", FRAME, FRAME, PARALLEL, spread_feed, NULL, NULL),
    STEP_("find", FRAME, BOXES, PARALLEL, find_feed, NULL, NULL),
    STEP_("chain", FRAME, FRAME, SERIAL, chain_feed, NULL, chain_finish),
    STEP_("gather", FRAME, SEGMENTS, SERIAL, gather_feed, NULL, NULL),
};

static const struct takeup_step *const steps[] = { &list[0], &list[1], &list[2],
                                                   &list[3], &list[4], NULL };

/* ---- a run ---- */

struct told {
    atomic_bool at_work;
    struct str log;
    int warnings, infos, progress;
};

static void told_enter(struct told *told)
{
    if (atomic_exchange(&told->at_work, true))
        (void)atomic_fetch_add(&seen.overlaps, 1);
}

static void told_log(void *arg, enum log_level level, const char *step, const char *text)
{
    struct told *told = arg;
    told_enter(told);
    told->warnings += level == LOG_LEVEL_WARN;
    told->infos += level == LOG_LEVEL_INFO;
    str_addf(&told->log, "%s: %s;", step, text);
    atomic_store(&told->at_work, false);
}

static void told_progress(void *arg, const char *step, int64_t done_us, int64_t total_us)
{
    struct told *told = arg;
    (void)step, (void)done_us, (void)total_us;
    told_enter(told);
    told->progress++;
    atomic_store(&told->at_work, false);
}

/* What came of a run. */
struct trial {
    struct run run;
    struct told told;
    json_t *body; /* the result, or NULL */
    struct err err;
};

static void trial_release(struct trial *trial)
{
    str_release(&trial->told.log);
    json_drop(&trial->body);
}

/* Runs the pipeline on so many threads. A trial is one run, and zero before it. */
static int trial_run(struct trial *trial, const char *text, int threads)
{
    struct err *err = &trial->err;
    CLEANUP(mem_free_text) char *dir = test_make_dir();
    CLEANUP(mem_free_text) char *path = mem_printf("%s/p.yaml", dir);
    CLEANUP(mem_free_text) char *out = test_make_dir();
    CLEANUP(fs_close) int out_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    struct plan *plan = NULL;
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, err), *err);
    assert_ok(catalog_new(steps, NULL, &catalog, err), *err);
    assert_ok(pipelines_load(dir, catalog, &pipelines, err), *err);
    const struct pipeline *pipeline = pipelines_at(pipelines, 0);
    if (pipeline->broken)
        fail_msg("%s", pipeline->broken->text);
    assert_ok(pipeline_plan(pipelines, pipeline, NULL, &plan, err), *err);
    for (size_t i = 0; seen.warm_us > 0 && i < plan->count; i++)
        plan->nodes[i].warm_us = seen.warm_us;
    trial->run = (struct run){ .input_fd = -1,
                               .input_name = "clip",
                               .output_dir = out_fd,
                               .threads = threads,
                               .log = told_log,
                               .progress = told_progress,
                               .arg = &trial->told };
    int r = plan_run(plan, &trial->run, err);
    CLEANUP(mem_free_text) char *body = NULL;
    size_t len = 0;
    struct json_mark mark;
    if (fs_read_file(out_fd, "result.json", 1 << 24, &body, &len, NULL) == 0)
        assert_int_equal(json_parse(body, len, &trial->body, &mark, NULL), 1);
    pipelines_free(&pipelines);
    catalog_free(&catalog);
    test_remove_dir(&dir);
    test_remove_dir(&out);
    return r;
}

#define HEAD "id: p\nsteps:\n"
#define STEP(rest) "  - {" rest "}\n"
#define COUNT_UP STEP("id: a, use: count")

/* Threads of this process before there is a run; a sanitizer may have one of its own. */
static int threads_alone;

static void *return_at_once(void *arg)
{
    return arg;
}

static int find_threads_alone(void **state)
{
    (void)state;
    pthread_t thread;
    if (pthread_create(&thread, NULL, return_at_once, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return -1;
    nap_us(10000);
    threads_alone = proc_thread_count();
    return 0;
}

/* One that was joined is still seen for a moment. */
static bool is_alone(void)
{
    for (int ms = 0; ms < WAIT_MAX_MS && proc_thread_count() > threads_alone; ms++)
        nap_us(1000);
    return proc_thread_count() == threads_alone;
}

/* Whatever it came to, nothing is left and nobody was disturbed. */
static void assert_clean(const char *where, size_t row)
{
    if (atomic_load(&seen.overlaps))
        fail_msg("%s %zu: %d calls of what was at work", where, row, atomic_load(&seen.overlaps));
    if (atomic_load(&seen.alive))
        fail_msg("%s %zu: %d items are left", where, row, atomic_load(&seen.alive));
    if (atomic_load(&seen.opened) != atomic_load(&seen.closed))
        fail_msg("%s %zu: %d opened, %d closed", where, row, atomic_load(&seen.opened),
                 atomic_load(&seen.closed));
    if (!is_alone())
        fail_msg("%s %zu: %d threads are left", where, row, proc_thread_count());
}

static const char *const graphs[] = {
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]") STEP("id: g, use: gather, needs: [p]"),
    /* Into the result without anybody between. */
    HEAD COUNT_UP STEP("id: p, use: find, needs: [a]"),
    /* One behind the other, and with a serial one between. */
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]")
        STEP("id: q, use: spread, needs: [p], with: {tag: q}") STEP("id: c, use: chain, needs: [q]")
            STEP("id: g, use: gather, needs: [c]"),
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]") STEP("id: c, use: chain, needs: [p]")
        STEP("id: q, use: spread, needs: [c], with: {tag: q}")
            STEP("id: g, use: gather, needs: [q]"),
    HEAD COUNT_UP STEP("id: c, use: chain, needs: [a]") STEP("id: p, use: spread, needs: [c]")
        STEP("id: d, use: chain, needs: [p]") STEP("id: g, use: gather, needs: [d]"),
    /* Branches: with boxes, with one that is serial all the way, into one result. */
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]") STEP("id: g, use: gather, needs: [p]")
        STEP("id: q, use: find, needs: [a], with: {tag: q}"),
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a], with: {tag: p}")
        STEP("id: c, use: chain, needs: [a]") STEP("id: g, use: gather, needs: [p], with: {tag: g}")
            STEP("id: h, use: gather, needs: [c], with: {tag: h}"),
    /* Branches that meet again: both parallel, one of them, one not there at all. */
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]")
        STEP("id: q, use: spread, needs: [a], with: {nap_us: 30, tag: q}")
            STEP("id: c, use: chain, needs: [p, q]") STEP("id: g, use: gather, needs: [c]"),
    HEAD COUNT_UP STEP("id: c, use: chain, needs: [a]") STEP("id: p, use: spread, needs: [a]")
        STEP("id: d, use: chain, needs: [c, p]") STEP("id: g, use: gather, needs: [d]"),
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]") STEP("id: d, use: chain, needs: [p, a]")
        STEP("id: q, use: spread, needs: [d, a], with: {tag: q}")
            STEP("id: g, use: gather, needs: [q, d]"),
    /* Two sources. */
    HEAD COUNT_UP STEP("id: b, use: count, with: {count: 40, batch: 7}")
        STEP("id: p, use: spread, needs: [a]")
            STEP("id: q, use: spread, needs: [b], with: {tag: q}")
                STEP("id: c, use: chain, needs: [p, b]") STEP("id: g, use: gather, needs: [c, q]"),
    /* Nothing at all. */
    HEAD STEP("id: a, use: count, with: {count: 0}") STEP("id: p, use: spread, needs: [a]")
        STEP("id: g, use: gather, needs: [p]"),
};

/* Those of a step keep their order; how those of two lie among each other is not told. */
static void sort_warnings(json_t *body)
{
    json_t *sorted = json_array();
    size_t i;
    json_t *warning;
    for (const char *tag = "pqx"; *tag; tag++)
        json_array_foreach(json_object_get(body, "warnings"), i,
                           warning) if (json_string_value(warning)[0] == *tag)(void)
            json_array_append(sorted, warning);
    json_set(body, "warnings", sorted);
}

static void test_same_as_on_one(void **state)
{
    (void)state;
    static const int threads[] = { 2, 2, 3, 8 };
    for (size_t i = 0; i < COUNT(graphs); i++) {
        CLEANUP(trial_release) struct trial alone = { 0 };
        seen_reset();
        assert_ok(trial_run(&alone, graphs[i], 1), alone.err);
        sort_warnings(alone.body);
        if (atomic_load(&seen.most_threads) > threads_alone)
            fail_msg("row %zu: %d threads for one", i, atomic_load(&seen.most_threads));
        for (size_t j = 0; j < COUNT(threads); j++) {
            CLEANUP(trial_release) struct trial trial = { 0 };
            seen_reset();
            assert_ok(trial_run(&trial, graphs[i], threads[j]), trial.err);
            sort_warnings(trial.body);
            if (!json_equal(alone.body, trial.body)) {
                CLEANUP(mem_free_text) char *is = json_line(trial.body);
                CLEANUP(mem_free_text) char *was = json_line(alone.body);
                fail_msg("row %zu on %d threads: %.2000s\nnot %.2000s", i, threads[j], is, was);
            }
            if (trial.told.warnings != alone.told.warnings ||
                trial.told.infos != alone.told.infos || trial.told.progress != alone.told.progress)
                fail_msg("row %zu: %d warnings, %d infos, %d steps of progress", i,
                         trial.told.warnings, trial.told.infos, trial.told.progress);
            assert_clean("row", i);
        }
    }
}

static const char chain_of_three[] =
    HEAD COUNT_UP STEP("id: p, use: spread, needs: [a]") STEP("id: g, use: gather, needs: [p]");

/* Two instances are at work at the same time: else neither would go on before its time. */
static void test_at_the_same_time(void **state)
{
    (void)state;
    CLEANUP(trial_release) struct trial trial = { 0 };
    seen_reset();
    seen.meets = true;
    assert_ok(trial_run(&trial, chain_of_three, 2), trial.err);
    assert_false(atomic_load(&seen.missed));
    assert_clean("meet", 0);
}

/* However slow those behind are, and however many come. */
static const struct {
    const char *text;
    int threads, most;
} bounds[] = {
    { HEAD STEP("id: a, use: count, with: {count: 2000, batch: 500}")
          STEP("id: p, use: spread, needs: [a], with: {nap_us: 100}")
              STEP("id: g, use: gather, needs: [p]"),
      2, 40 },
    { HEAD STEP("id: a, use: count, with: {count: 2000, batch: 500}")
          STEP("id: p, use: find, needs: [a], with: {nap_us: 100}"),
      4, 80 },
    /* What waits for its turn at d is bounded as well. */
    { HEAD STEP("id: a, use: count, with: {count: 2000, batch: 500}")
          STEP("id: p, use: spread, needs: [a], with: {nap_us: 100}")
              STEP("id: d, use: chain, needs: [p, a]") STEP("id: g, use: gather, needs: [d]"),
      2, 60 },
};

static void test_memory_is_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bounds); i++) {
        CLEANUP(trial_release) struct trial trial = { 0 };
        seen_reset();
        assert_ok(trial_run(&trial, bounds[i].text, bounds[i].threads), trial.err);
        if (atomic_load(&seen.most_alive) > bounds[i].most)
            fail_msg("row %zu: %d items at a time", i, atomic_load(&seen.most_alive));
        assert_clean("row", i);
    }
}

/* In a thread, silently, and in the run's own thread while others are at work. */
static const struct {
    int fail_at;
    bool silent, ends;
    int fail_open, fail_pull;
    const char *step;
    enum err_kind kind;
    const char *wrong;
} failures[] = {
    { 0, false, false, -1, -1, "p", ERR_INPUT, "no luck with 0" },
    { 17, false, false, -1, -1, "p", ERR_INPUT, "no luck with 17" },
    { 59, false, false, -1, -1, "p", ERR_INPUT, "no luck with 59" },
    { 17, true, false, -1, -1, "p", ERR_BUG,
      "step 'p' (spread) failed in feed and did not say why" },
    { -1, false, true, -1, -1, "g", ERR_STOPPED, "stopped" },
    { -1, false, false, 1, -1, "p", ERR_MEMORY, "no place for x" },
    { -1, false, false, 3, -1, "p", ERR_MEMORY, "no place for x" }, /* the second instance */
    { -1, false, false, -1, 0, "a", ERR_IO, "cannot be read" },
    { -1, false, false, -1, 40, "a", ERR_IO, "cannot be read" },
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        CLEANUP(trial_release) struct trial trial = { 0 };
        seen_reset();
        seen.fail_at = failures[i].fail_at;
        seen.silent = failures[i].silent;
        seen.ends = failures[i].ends;
        seen.fail_open = failures[i].fail_open;
        seen.fail_pull = failures[i].fail_pull;
        int r = trial_run(&trial, chain_of_three, 4);
        if (r >= 0 || trial.body || strcmp(trial.run.failed_step, failures[i].step) != 0 ||
            trial.err.kind != failures[i].kind || strcmp(trial.err.text, failures[i].wrong) != 0)
            fail_msg("row %zu: %d '%s' %s: %s", i, r, trial.run.failed_step,
                     err_kind_name(trial.err.kind), trial.err.text);
        assert_clean("row", i);
    }
}

/* Many fail at once: one reason is told, and it is a whole one. */
static void test_the_first_reason_counts(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        CLEANUP(trial_release) struct trial trial = { 0 };
        seen_reset();
        seen.fail_at = round % 2 ? 5 : 6;
        seen.ends = true;
        int r = trial_run(&trial, chain_of_three, 8);
        bool is_p = strcmp(trial.run.failed_step, "p") == 0 && trial.err.kind == ERR_INPUT;
        bool is_g =
            strcmp(trial.run.failed_step, "g") == 0 && strcmp(trial.err.text, "stopped") == 0;
        if (r >= 0 || (!is_p && !is_g))
            fail_msg("'%s': %s", trial.run.failed_step, trial.err.text);
        assert_clean("round", (size_t)round);
    }
}

/* Those there are go on without the one that cannot be made, and it is said. */
static void test_no_second_instance(void **state)
{
    (void)state;
    CLEANUP(trial_release) struct trial trial = { 0 };
    seen_reset();
    seen.fails_warm = true;
    list[1].warm = warm;
    int r = trial_run(&trial, chain_of_three, 4);
    list[1].warm = NULL;
    assert_ok(r, trial.err);
    assert_int_equal(atomic_load(&seen.most_inside), 1);
    assert_non_null(strstr(str_text(&trial.told.log), "no second one"));
    assert_clean("warm", 0);
}

/* What takes long to warm does so while the source is already at work; what one more would take is
 * not known before. */
static void test_a_cold_crew_warms_beside_the_source(void **state)
{
    (void)state;
    CLEANUP(trial_release) struct trial trial = { 0 };
    seen_reset();
    list[1].warm = warm_late;
    int r = trial_run(&trial, chain_of_three, 2);
    list[1].warm = NULL;
    assert_ok(r, trial.err);
    assert_false(atomic_load(&seen.missed));
    assert_int_equal(atomic_load(&seen.most_warming), 1);
    assert_clean("cold", 0);
}

static void test_a_crew_that_cannot_be_warmed_ends_the_run(void **state)
{
    (void)state;
    CLEANUP(trial_release) struct trial trial = { 0 };
    seen_reset();
    list[1].warm = warm_never;
    int r = trial_run(&trial, chain_of_three, 2);
    list[1].warm = NULL;
    assert_true(r < 0 && trial.err.kind == ERR_MISSING);
    assert_string_equal(trial.err.text, "step 'p' (spread): no model");
    assert_string_equal(trial.err.hint, "install it");
    assert_string_equal(trial.run.failed_step, "p");
    assert_clean("never", 0);
}

/* One more is made for those that wait longer than it takes, by what the tasks have taken so far;
 * the one at work counts, and may be the first. */
static const struct {
    const char *name;
    int64_t warm_us;
    bool meets; /* the first task ends when a second one has begun */
    int instances;
} crews[] = {
    { "long tasks", 20000, true, 2 },
    { "short tasks", INT64_C(3600000000), false, 1 },
};

static void test_a_crew_grows_when_that_pays(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(crews); i++) {
        CLEANUP(trial_release) struct trial trial = { 0 };
        seen_reset();
        seen.warm_us = crews[i].warm_us;
        seen.meets = crews[i].meets;
        assert_ok(trial_run(&trial, chain_of_three, 2), trial.err);
        if (atomic_load(&seen.missed) || atomic_load(&seen.opened) != 2 + crews[i].instances)
            fail_msg("%s: %d instances", crews[i].name, atomic_load(&seen.opened) - 2);
        assert_clean("crew", i);
    }
}

/* Nothing is done beside it, so a thread would only cost. */
static void test_a_source_alone_has_no_thread(void **state)
{
    (void)state;
    CLEANUP(trial_release) struct trial trial = { 0 };
    seen_reset();
    assert_ok(trial_run(&trial, HEAD COUNT_UP, 4), trial.err);
    assert_int_equal(atomic_load(&seen.most_threads), threads_alone);
    assert_clean("alone", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_on_one),
        cmocka_unit_test(test_at_the_same_time),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_the_first_reason_counts),
        cmocka_unit_test(test_no_second_instance),
        cmocka_unit_test(test_a_cold_crew_warms_beside_the_source),
        cmocka_unit_test(test_a_crew_that_cannot_be_warmed_ends_the_run),
        cmocka_unit_test(test_a_crew_grows_when_that_pays),
        cmocka_unit_test(test_a_source_alone_has_no_thread),
    };
    return cmocka_run_group_tests(tests, find_threads_alone, NULL);
}
