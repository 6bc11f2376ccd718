/* crew.c - the instances of a parallel step, each with a thread of its own, and their queue.
 *
 * The first instance was warmed before the process forked, or is warmed by its thread while the
 * source is already at work. One more costs what that took (200 ms of
 * CPU and 30 MiB for an engine of Tesseract, more than a short video needs to be read), so it is
 * made only when the wait for those there has grown longer than that, and by its own thread. It is
 * no failure when it cannot be made: it is told, and the others go on.
 *
 * A thread that has failed, or sees that the run has, takes no more. Nothing interrupts a step, so
 * the end waits until each is out of its feed. */
#include "pipeline/schedule_private.h"

#include "base/mem.h"
#include "base/time.h"

#include <stdlib.h>

struct member {
    struct crew *crew;
    struct instance *instance; /* the stage's own, or one of this crew */
    pthread_t thread;
    int64_t begun_us; /* the task at which it is; 0: at none. Guarded by the schedule's lock */
};

struct crew {
    struct stage *stage;
    pthread_cond_t has_work;
    struct member **members;
    /* Guarded by the schedule's lock. */
    struct slot *first, *last; /* what waits */
    int64_t waiting;
    int count, count_max, idle;
    int64_t fed, fed_us; /* what was worked, and how long it took */
    bool is_ending;      /* set once, by the main thread */
};

/* ---- in a thread ---- */

/* The next task; NULL: the end. */
static struct slot *take_task(struct member *member)
{
    struct crew *crew = member->crew;
    struct schedule *schedule = crew->stage->schedule;
    struct slot *task = NULL;
    (void)pthread_mutex_lock(&schedule->lock);
    crew->idle++;
    while (!crew->first && !crew->is_ending)
        (void)pthread_cond_wait(&crew->has_work, &schedule->lock);
    crew->idle--;
    if (!crew->is_ending && !schedule_has_failed(schedule)) {
        task = crew->first;
        crew->first = task->next_task;
        crew->waiting--;
        member->begun_us = time_mono_us();
    }
    (void)pthread_mutex_unlock(&schedule->lock);
    return task;
}

/* Warnings of threads that the step may have started by itself come through the instance too. */
static void set_slot(struct instance *instance, struct slot *slot)
{
    pthread_mutex_t *tell = &instance->stage->schedule->tell;
    (void)pthread_mutex_lock(tell);
    instance->slot = slot;
    (void)pthread_mutex_unlock(tell);
}

static void end_task(struct member *member, struct slot *task)
{
    struct crew *crew = member->crew;
    struct schedule *schedule = crew->stage->schedule;
    (void)pthread_mutex_lock(&schedule->lock);
    crew->fed++;
    crew->fed_us += time_mono_us() - member->begun_us;
    member->begun_us = 0;
    __atomic_store_n(&task->is_worked, true, __ATOMIC_RELEASE);
    schedule->news++;
    (void)pthread_cond_signal(&schedule->has_news);
    (void)pthread_mutex_unlock(&schedule->lock);
}

static void work(struct member *member)
{
    struct instance *instance = member->instance;
    struct slot *task;
    while ((task = take_task(member))) {
        set_slot(instance, task);
        (void)instance_feed(instance, task->item); /* a failure is the schedule's by now */
        set_slot(instance, NULL);
        end_task(member, task);
    }
}

/* One instance more. Below 0: there is none. */
static int make_instance(struct member *member)
{
    struct stage *stage = member->crew->stage;
    struct err err = { 0 };
    void *self = NULL;
    if (node_warm(stage->node, &self, &err) < 0) {
        struct takeup_host *host = &stage->instance.host;
        host->info(host, "there are no more threads for this step: %s", err.text);
        (void)pthread_mutex_lock(&stage->schedule->lock);
        member->crew->count_max = member->crew->count;
        (void)pthread_mutex_unlock(&stage->schedule->lock);
        return -1;
    }
    struct instance *instance = MEM_NEW(struct instance);
    instance_init(instance, stage);
    instance->self = self;
    member->instance = instance;
    return instance_open(instance);
}

static void *member_main(void *arg)
{
    struct member *member = arg;
    int r = 0;
    if (!member->instance)
        r = make_instance(member);
    else if (!member->instance->self) /* the first, of a plan that is cold */
        r = stage_make(member->crew->stage);
    if (r >= 0)
        work(member);
    return NULL;
}

/* ---- in the main thread ---- */

/* lock is held. */
static bool add_member(struct crew *crew, struct instance *instance)
{
    struct member *member = MEM_NEW(struct member);
    member->crew = crew;
    member->instance = instance;
    if (pthread_create(&member->thread, NULL, member_main, member) != 0) {
        free(member);
        crew->count_max = crew->count; /* nor will it work the next time */
        return false;
    }
    crew->members[crew->count++] = member;
    return true;
}

struct crew *crew_new(struct stage *stage, int threads_max)
{
    struct crew *crew = MEM_NEW(struct crew);
    crew->stage = stage;
    crew->count_max = threads_max;
    crew->members = mem_zero((size_t)threads_max, sizeof(struct member *));
    (void)pthread_cond_init(&crew->has_work, NULL);
    (void)pthread_mutex_lock(&stage->schedule->lock);
    bool is_up = add_member(crew, &stage->instance);
    (void)pthread_mutex_unlock(&stage->schedule->lock);
    if (!is_up)
        crew_free(&crew);
    return crew;
}

/* How long a task takes, those that have not ended counted as well: the first may be the longest.
 */
static int64_t task_us(const struct crew *crew)
{
    int64_t count = crew->fed, us = crew->fed_us, now_us = time_mono_us();
    for (int i = 0; i < crew->count; i++)
        if (crew->members[i]->begun_us > 0) {
            count++;
            us += now_us - crew->members[i]->begun_us;
        }
    return count > 0 ? us / count : 0;
}

void crew_grow(struct crew *crew)
{
    bool is_cold = !crew->stage->instance.self; /* what one more takes is not known yet */
    if (crew->idle > 0 || crew->waiting == 0 || crew->count >= crew->count_max || is_cold)
        return;
    int64_t warm_us = crew->stage->node->warm_us;
    if (task_us(crew) * crew->waiting / crew->count >= warm_us)
        (void)add_member(crew, NULL);
}

void crew_add(struct crew *crew, struct slot *task)
{
    struct schedule *schedule = crew->stage->schedule;
    (void)pthread_mutex_lock(&schedule->lock);
    *(crew->first ? &crew->last->next_task : &crew->first) = task;
    crew->last = task;
    crew->waiting++;
    crew_grow(crew);
    (void)pthread_cond_signal(&crew->has_work);
    (void)pthread_mutex_unlock(&schedule->lock);
}

void crew_end(struct crew *crew)
{
    struct schedule *schedule = crew->stage->schedule;
    if (crew->is_ending)
        return;
    (void)pthread_mutex_lock(&schedule->lock);
    crew->is_ending = true;
    (void)pthread_cond_broadcast(&crew->has_work);
    (void)pthread_mutex_unlock(&schedule->lock);
    for (int i = 0; i < crew->count; i++)
        (void)pthread_join(crew->members[i]->thread, NULL);
}

int crew_finish(struct crew *crew)
{
    int r = 0;
    for (int i = 0; i < crew->count && r >= 0; i++)
        if (crew->members[i]->instance)
            r = instance_finish(crew->members[i]->instance);
    return r;
}

void crew_free(struct crew **crew)
{
    struct crew *old = TAKE(*crew);
    if (!old)
        return;
    for (int i = 0; i < old->count; i++) {
        struct member *member = old->members[i];
        if (member->instance && member->instance != &old->stage->instance) {
            node_close(old->stage->node, &member->instance->self);
            free(member->instance);
        }
        free(member);
    }
    (void)pthread_cond_destroy(&old->has_work);
    free(old->members);
    free(old);
}
