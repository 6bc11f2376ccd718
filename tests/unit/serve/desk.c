/* Many visitors, few questions: who asks the same gets one answer; who waits too long is told; what
 * a write has overtaken is asked anew. The children that look are real, and look at a real spool.
 */
#include "../spool/fixture.h"

#include "base/time.h"
#include "serve/desk.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

struct setting {
    const struct fixture *fixture;
    struct serve_options options;
    struct loop *loop;
    struct desk *desk;
};

struct visitor {
    struct desk_visit visit;
    struct answer *answer;
    int times;
    pid_t stops; /* the answer stops this one, before it is asked the next; 0: none */
};

static void on_answer(void *arg, struct answer *answer)
{
    struct visitor *visitor = arg;
    if (visitor->stops)
        assert_int_equal(kill(visitor->stops, SIGSTOP), 0);
    answer_drop(&visitor->answer);
    visitor->answer = answer;
    visitor->times++;
}

static int open_desk(void **state)
{
    struct err err = { 0 };
    struct setting *setting = MEM_NEW(struct setting);
    void *fixture = NULL;
    assert_int_equal(fixture_make(&fixture), 0);
    setting->fixture = fixture;
    setting->options.spool = setting->fixture->dir;
    assert_ok(loop_new(&setting->loop, &err), err);
    setting->desk = desk_new(setting->loop, &setting->options);
    *state = setting;
    return 0;
}

static int close_desk(void **state)
{
    struct setting *setting = *state;
    void *fixture = (void *)(uintptr_t)setting->fixture;
    desk_free(&setting->desk);
    loop_free(&setting->loop);
    while (waitpid(-1, NULL, 0) > 0)
        ; /* the desk does not wait for those it ended */
    assert_int_equal(fixture_end(&fixture), 0);
    free(setting);
    return 0;
}

static const struct desk_question jobs = { DESK_JOBS, "{\"do\":\"jobs\"}", NULL, 0, true };
static const struct desk_question health = { DESK_HEALTH, "{\"do\":\"health\"}", NULL, 0, true };
#define JOB "{\"input_path\":\"b\",\"pipeline_id\":\"slides\"}"
static const struct desk_question submit = {
    DESK_WRITES, "{\"do\":\"submit\",\"query\":{\"name\":\"b\"}}", JOB, sizeof(JOB) - 1, false,
};

static void ask(const struct setting *setting, const struct desk_question *question,
                struct visitor *visitor)
{
    visitor->visit = (struct desk_visit){ .on_answer = on_answer, .arg = visitor };
    visitor->answer = desk_ask(setting->desk, question, &visitor->visit);
}

static void wait_for(const struct setting *setting, const struct visitor *visitor)
{
    struct err err = { 0 };
    while (!visitor->answer) {
        int64_t left_ms = desk_turn(setting->desk);
        if (!visitor->answer)
            assert_ok(loop_wait(setting->loop, left_ms, &err), err);
    }
}

static void leave(struct visitor *visitor)
{
    desk_leave(&visitor->visit);
    answer_drop(&visitor->answer);
}

static void one_answer_for_all_who_ask_the_same(void **state)
{
    const struct setting *setting = *state;
    struct visitor visitors[50] = { 0 }, late = { 0 };
    for (size_t i = 0; i < COUNT(visitors); i++) {
        ask(setting, &jobs, &visitors[i]);
        assert_null(visitors[i].answer);
    }
    leave(&visitors[7]); /* one who has gone gets none */
    wait_for(setting, &visitors[0]);
    for (size_t i = 0; i < COUNT(visitors); i++) {
        assert_int_equal(visitors[i].times, i != 7);
        assert_ptr_equal(visitors[i].answer, i == 7 ? NULL : visitors[0].answer);
    }
    assert_int_equal(visitors[0].answer->status, 200);
    ask(setting, &jobs, &late);
    if (late.answer) /* unless half a second has passed */
        assert_ptr_equal(late.answer, visitors[0].answer);
    leave(&late);
    for (size_t i = 0; i < COUNT(visitors); i++)
        leave(&visitors[i]);
}

static bool names_job(const struct answer *answer, const char *name)
{
    CLEANUP(mem_free_text) char *wanted = mem_printf("\"name\":\"%s\"", name);
    return strstr(answer->body, wanted) != NULL;
}

static void a_write_makes_what_was_said_old(void **state)
{
    const struct setting *setting = *state;
    struct visitor before = { 0 }, writer = { 0 }, after = { 0 };
    ask(setting, &jobs, &before);
    wait_for(setting, &before);
    assert_false(names_job(before.answer, "b"));
    ask(setting, &submit, &writer);
    wait_for(setting, &writer);
    if (writer.answer->status != 201)
        fail_msg("%d %s", writer.answer->status, writer.answer->body);
    ask(setting, &jobs, &after);
    wait_for(setting, &after);
    assert_true(names_job(after.answer, "b"));
    leave(&before);
    leave(&writer);
    leave(&after);
}

static void who_waits_too_long_is_told(void **state)
{
    const struct setting *setting = *state;
    struct visitor first = { 0 }, caught = { 0 }, at_once = { 0 }, other = { 0 }, again = { 0 };
    ask(setting, &jobs, &first);
    wait_for(setting, &first);
    leave(&first);
    pid_t pid = test_first_child();
    assert_int_equal(kill(pid, SIGSTOP), 0); /* as if in a call that does not return */
    static const struct desk_question job = { DESK_JOBS, "{\"do\":\"job\",\"job\":\"x\"}", NULL, 0,
                                              true };
    ask(setting, &job, &caught);
    wait_for(setting, &caught);
    assert_int_equal(caught.answer->status, 503);
    assert_non_null(strstr(caught.answer->body, "does not answer"));
    assert_non_null(strstr(caught.answer->body, setting->fixture->dir));
    ask(setting, &job, &at_once); /* while that lasts nobody waits for it */
    assert_non_null(at_once.answer);
    assert_int_equal(at_once.answer->status, 503);
    ask(setting, &health, &other); /* and the other lines are none the worse */
    wait_for(setting, &other);
    assert_non_null(strstr(other.answer->body, "\"alive\""));
    assert_int_equal(kill(pid, SIGCONT), 0);
    do { /* it goes on by itself */
        leave(&again);
        struct err err = { 0 };
        assert_ok(loop_wait(setting->loop, 10, &err), err);
        ask(setting, &jobs, &again);
        wait_for(setting, &again);
    } while (again.answer->status != 200);
    leave(&again);
    leave(&caught);
    leave(&at_once);
    leave(&other);
}

/* The spool answers all the while: one who waits too long only came behind others. */
static void who_came_behind_others_is_told_that(void **state)
{
    const struct setting *setting = *state;
    struct visitor first = { 0 }, before = { 0 }, behind = { 0 };
    struct err err = { 0 };
    ask(setting, &jobs, &first);
    wait_for(setting, &first);
    leave(&first);
    pid_t pid = test_first_child();
    before.stops = pid;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    ask(setting,
        &(struct desk_question){ DESK_JOBS, "{\"do\":\"job\",\"job\":\"x\"}", NULL, 0, true },
        &before);
    ask(setting,
        &(struct desk_question){ DESK_JOBS, "{\"do\":\"job\",\"job\":\"y\"}", NULL, 0, true },
        &behind);
    int64_t begin_ms = time_mono_ms();
    while (time_mono_ms() < begin_ms + DESK_PATIENCE_MS / 2)
        assert_ok(loop_wait(setting->loop, 10, &err), err);
    assert_int_equal(kill(pid, SIGCONT), 0);
    wait_for(setting, &before);
    assert_int_equal(before.answer->status, 404);
    wait_for(setting, &behind);
    assert_int_equal(behind.answer->status, 503);
    assert_null(strstr(behind.answer->body, "does not answer"));
    assert_non_null(strstr(behind.answer->body, "too many"));
    assert_in_range(behind.answer->retry_after_s, 1, 60);
    leave(&before);
    leave(&behind);
}

static void a_child_that_died_is_replaced(void **state)
{
    const struct setting *setting = *state;
    struct visitor first = { 0 }, victim = { 0 }, next = { 0 };
    ask(setting, &jobs, &first);
    wait_for(setting, &first);
    leave(&first);
    pid_t pid = test_first_child();
    assert_int_equal(kill(pid, SIGSTOP), 0);
    static const struct desk_question job = { DESK_JOBS, "{\"do\":\"job\",\"job\":\"x\"}", NULL, 0,
                                              true };
    ask(setting, &job, &victim);
    assert_int_equal(kill(pid, SIGKILL), 0);
    wait_for(setting, &victim);
    assert_int_equal(victim.answer->status, 500);
    assert_non_null(strstr(victim.answer->body, "died"));
    ask(setting,
        &(struct desk_question){ DESK_JOBS, "{\"do\":\"job\",\"job\":\"y\"}", NULL, 0, true },
        &next);
    wait_for(setting, &next);
    assert_int_equal(next.answer->status, 404);
    leave(&victim);
    leave(&next);
}

/* A worker whose beat is old by every clock that is known here, though it may live. */
static void put_doubtful_beat(const struct fixture *fixture)
{
    struct timespec when = { .tv_sec = 1000000000 };
    fixture_drop(fixture, "heartbeat/w.0.x.json",
                 "{\"host\":\"elsewhere\",\"pid\":7,\"beat\":\"2001-09-09T01:46:40.000Z\","
                 "\"beat_count\":1,\"state\":\"idle\"}");
    assert_int_equal(utimensat(spool_root(fixture->spool), "heartbeat/w.0.x.json",
                               (struct timespec[]){ when, when }, 0),
                     0);
}

/* Whether that one lives takes seconds to see: only who asks for health waits for it. */
static void only_health_waits_for_a_beat(void **state)
{
    static const struct desk_question dropped = { DESK_JOBS,
                                                  "{\"do\":\"job\",\"job\":\"film.mp4\"}", NULL, 0,
                                                  true };
    static const struct desk_question cancel = { DESK_WRITES, "{\"do\":\"cancel\",\"job\":\"b\"}",
                                                 "", 0, false };
    const struct setting *setting = *state;
    const struct fixture *fixture = setting->fixture;
    struct visitor first = { 0 }, job = { 0 }, writer = { 0 };
    struct err err = { 0 };
    assert_ok(seat_leave(&((struct fixture *)(uintptr_t)fixture)->seat, &err), err);
    put_doubtful_beat(fixture);
    assert_int_equal(mkdirat(spool_root(fixture->spool), "inbox/slides", 0700), 0);
    fixture_drop(fixture, "inbox/slides/film.mp4", "V");
    fixture_drop(fixture, "pending/b.json", JOB);
    ask(setting, &health, &first);
    ask(setting, &dropped, &job);
    ask(setting, &cancel, &writer);
    wait_for(setting, &job);
    wait_for(setting, &writer);
    assert_null(first.answer);
    assert_int_equal(job.answer->status, 200);
    assert_non_null(strstr(job.answer->body, "no live worker"));
    assert_int_equal(writer.answer->status, 202);
    assert_non_null(strstr(writer.answer->body, "no worker is alive"));
    wait_for(setting, &first);
    assert_non_null(strstr(first.answer->body, "\"alive\":false"));
    leave(&first);
    leave(&job);
    leave(&writer);
    assert_ok(seat_take(fixture->spool, &((struct fixture *)(uintptr_t)fixture)->seat, &err), err);
}

static void there_is_room_for_so_many(void **state)
{
    enum { ROOM = 256 };
    const struct setting *setting = *state;
    static struct visitor visitors[ROOM + 1];
    char texts[ROOM + 1][64];
    for (size_t i = 0; i <= ROOM; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "{\"do\":\"job\",\"job\":\"j%zu\"}", i);
        ask(setting, &(struct desk_question){ DESK_JOBS, texts[i], NULL, 0, true }, &visitors[i]);
        assert_int_equal(visitors[i].answer != NULL, i == ROOM);
    }
    assert_int_equal(visitors[ROOM].answer->status, 503);
    assert_in_range(visitors[ROOM].answer->retry_after_s, 1, 60);
    for (size_t i = 0; i < ROOM; i++) {
        wait_for(setting, &visitors[i]);
        assert_int_equal(visitors[i].answer->status, 404);
    }
    for (size_t i = 0; i <= ROOM; i++)
        leave(&visitors[i]);
}

static void at_the_end_nobody_is_left_waiting(void **state)
{
    struct setting *setting = *state;
    struct visitor visitor = { 0 };
    ask(setting, &jobs, &visitor);
    desk_free(&setting->desk);
    assert_int_equal(visitor.times, 1);
    assert_int_equal(visitor.answer->status, 503);
    leave(&visitor);
}

#define DESK_TEST(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(one_answer_for_all_who_ask_the_same),
        DESK_TEST(a_write_makes_what_was_said_old),
        DESK_TEST(who_waits_too_long_is_told),
        DESK_TEST(who_came_behind_others_is_told_that),
        DESK_TEST(a_child_that_died_is_replaced),
        DESK_TEST(only_health_waits_for_a_beat),
        DESK_TEST(there_is_room_for_so_many),
        DESK_TEST(at_the_end_nobody_is_left_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
