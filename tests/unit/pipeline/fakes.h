/* fakes.h - steps that do as they are told, for the tests of the room.
 *
 * Each writes what is done to it into fake_story: "open a;feed a 0;…", under the name that its
 * parameter `tag` gives it. */
#ifndef TAKEUP_TEST_FAKES_H
#define TAKEUP_TEST_FAKES_H

#include "test.h"

#include "base/json.h"
#include "base/str.h"
#include "pipeline/load.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct str fake_story;
static int fake_alive;           /* items that were made and not freed */
static int fake_warmed;          /* calls of warm */
static int fake_inputs;          /* of the one that was opened last */
static long fake_first_us;       /* so long the first of these takes */
static const char *fake_failing; /* "FUNCTION TAG": that call fails */
static bool fake_silent;         /* and does not say why */

struct fake_params {
    const char *tag;
    int64_t count;
    struct takeup_strings words;
    bool hold; /* emit in finish what was fed */
};

struct fake {
    const struct fake_params *params;
    struct takeup_host *host;
    int64_t done;
    struct takeup_item *held;
};

static const struct takeup_param fake_table[] = {
    { "tag", TAKEUP_TYPE_TEXT, offsetof(struct fake_params, tag), "x", 0, 0, NULL, "" },
    { "count", TAKEUP_TYPE_INT, offsetof(struct fake_params, count), "2", 0, 9, NULL, "" },
    { "words", TAKEUP_TYPE_STRINGS, offsetof(struct fake_params, words), "[]", 0, 0, NULL, "" },
    { "hold", TAKEUP_TYPE_BOOL, offsetof(struct fake_params, hold), "false", 0, 0, NULL, "" },
    { 0 },
};

static void fake_item_free(struct takeup_item *item)
{
    fake_alive--;
    free(item);
}

/* Large enough for every kind, its text behind it. */
static void *fake_item_new(enum takeup_port port, int64_t start_us)
{
    struct takeup_segment *segment = mem_zero(1, sizeof(struct takeup_frame) + 64);
    fake_alive++;
    segment->item = (struct takeup_item){ .port = port,
                                          .references = 1,
                                          .start_us = start_us,
                                          .end_us = start_us + 1000000,
                                          .free = fake_item_free };
    if (port == TAKEUP_PORT_SEGMENTS) {
        char *text = (char *)segment + sizeof(struct takeup_frame);
        (void)snprintf(text, 64, "text %d", (int)(start_us / 1000000));
        segment->text = text;
        segment->confidence = 0.5F;
    }
    return segment;
}

/* Tells the story; below 0 when this is the call that has to fail. */
static int fake_call(struct fake *fake, const char *function, int number)
{
    const char *tag = fake->params ? fake->params->tag : "?";
    CLEANUP(mem_free_text) char *call = mem_printf("%s %s", function, tag);
    str_add(&fake_story, call);
    if (number >= 0)
        str_addf(&fake_story, " %d", number);
    str_add(&fake_story, ";");
    if (!fake_failing || strcmp(fake_failing, call) != 0)
        return 0;
    if (fake_silent)
        return -5;
    return (fake->host->fail)(fake->host, TAKEUP_FAIL_INPUT, "try another", "no luck with %s", tag);
}

static int fake_warm(void *self, const void *params, struct takeup_why *why)
{
    const struct fake_params *said = params;
    (void)self;
    if (fake_warmed++ == 0)
        (void)nanosleep(&(struct timespec){ .tv_nsec = fake_first_us * 1000 }, NULL);
    if (fake_failing && strcmp(fake_failing, "warm") == 0) {
        why->failure = TAKEUP_FAIL_MISSING;
        (void)snprintf(why->text, sizeof(why->text), "no model for %s", said->tag);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "install it");
        return -1;
    }
    return 0;
}

static int fake_open(void *self, const void *params, struct takeup_host *host)
{
    struct fake *fake = self;
    *fake = (struct fake){ .params = params, .host = host };
    fake_inputs = host->inputs;
    return fake_call(fake, "open", -1);
}

static int fake_pull(void *self, struct takeup_output *output)
{
    struct fake *fake = self;
    if (fake->done >= fake->params->count)
        return 0;
    int r = fake_call(fake, "pull", -1);
    if (r < 0)
        return r;
    fake->host->count(fake->host, TAKEUP_COUNT_FRAMES_DECODED, 2);
    fake->host->progress(fake->host, fake->done, fake->params->count);
    r = takeup_emit(output, fake_item_new(TAKEUP_PORT_FRAME, fake->done++ * 1000000));
    return r < 0 ? r : 1;
}

static int fake_feed(struct fake *fake, const struct takeup_item *item,
                     struct takeup_output *output, enum takeup_port gives)
{
    int r = fake_call(fake, "feed", (int)item->number);
    if (r < 0)
        return r;
    if (fake->params->hold) {
        takeup_item_unref(fake->held);
        fake->held = takeup_item_ref((void *)item);
        return 0;
    }
    return gives ? takeup_emit(output, fake_item_new(gives, item->start_us)) : 0;
}

static int fake_filter_feed(void *self, const struct takeup_item *item,
                            struct takeup_output *output)
{
    return fake_feed(self, item, output, TAKEUP_PORT_FRAME);
}

static int fake_reader_feed(void *self, const struct takeup_item *item,
                            struct takeup_output *output)
{
    return fake_feed(self, item, output, TAKEUP_PORT_SEGMENTS);
}

/* Passes the first one on. */
static int fake_editor_feed(void *self, const struct takeup_item *item,
                            struct takeup_output *output)
{
    return fake_feed(self, item, output,
                     item->number == 0 ? TAKEUP_PORT_SEGMENTS : TAKEUP_PORT_NONE);
}

static int fake_eater_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    return fake_feed(self, item, output, TAKEUP_PORT_NONE);
}

static int fake_cutter_feed(void *self, const struct takeup_item *item,
                            struct takeup_output *output)
{
    return fake_feed(self, item, output, TAKEUP_PORT_CROP);
}

static int fake_liar_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    return fake_feed(self, item, output, TAKEUP_PORT_LINES);
}

static int fake_finish(void *self, struct takeup_output *output)
{
    struct fake *fake = self;
    int r = fake_call(fake, "finish", -1);
    if (r < 0 || !fake->held)
        return r;
    int64_t start_us = fake->held->start_us;
    return takeup_emit(output, fake_item_new(TAKEUP_PORT_FRAME, start_us));
}

static void fake_close(void *self)
{
    struct fake *fake = self;
    if (fake->params) /* one that was never opened has no name to tell */
        (void)fake_call(fake, "close", -1);
    takeup_item_unref(fake->held);
    fake->held = NULL;
}

static const char *const fake_segments[] = { "segments", NULL };
static const char *const fake_boxes[] = { "boxes", NULL };
static const char *const fake_file[] = { "file.srt", NULL };
static const char *const fake_text[] = { "text.txt", NULL };

#define FAKE(name_, takes_, gives_, feed_, pull_, writes_)                                         \
    {                                                                                              \
        .name = (name_), .help = "a fake", .takes = TAKEUP_PORT_##takes_,                          \
        .gives = TAKEUP_PORT_##gives_, .flags = TAKEUP_SERIAL, .writes = (writes_),                \
        .params = fake_table, .params_size = sizeof(struct fake_params),                           \
        .self_size = sizeof(struct fake), .warm = fake_warm, .open = fake_open, .feed = (feed_),   \
        .pull = (pull_), .finish = fake_finish, .close = fake_close,                               \
    }

static const struct takeup_step fake_list[] = {
    FAKE("source", NONE, FRAME, NULL, fake_pull, NULL),
    FAKE("filter", FRAME, FRAME, fake_filter_feed, NULL, NULL),
    FAKE("reader", FRAME, SEGMENTS, fake_reader_feed, NULL, fake_segments),
    FAKE("shy_reader", FRAME, SEGMENTS, fake_reader_feed, NULL, NULL),
    FAKE("eater", FRAME, NONE, fake_eater_feed, NULL, fake_file),
    FAKE("looker", FRAME, BOXES, fake_liar_feed, NULL, fake_boxes),
    FAKE("writer", SEGMENTS, NONE, fake_eater_feed, NULL, fake_file),
    FAKE("text_writer", SEGMENTS, NONE, fake_eater_feed, NULL, fake_text),
    FAKE("editor", SEGMENTS, SEGMENTS, fake_editor_feed, NULL, fake_segments),
    FAKE("cutter", FRAME, CROP, fake_cutter_feed, NULL, NULL),
    FAKE("crop_reader", CROP, SEGMENTS, fake_reader_feed, NULL, fake_segments),
};

static const struct takeup_step *const fake_steps[] = {
    &fake_list[0], &fake_list[1], &fake_list[2], &fake_list[3], &fake_list[4],  &fake_list[5],
    &fake_list[6], &fake_list[7], &fake_list[8], &fake_list[9], &fake_list[10], NULL,
};

static inline void fakes_reset(void)
{
    str_release(&fake_story);
    fake_failing = NULL;
    fake_silent = false;
    fake_warmed = 0;
    fake_first_us = 0;
}

/* A directory with one pipeline file, loaded. */
struct fixture {
    char *dir;
    struct catalog *catalog;
    struct pipelines *pipelines;
};

static inline void fixture_make(struct fixture *fixture, const char *name, const char *text,
                                const char *plugin_dir)
{
    struct err err = { 0 };
    *fixture = (struct fixture){ .dir = test_make_dir() };
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", fixture->dir, name);
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
    assert_ok(catalog_new(fake_steps, plugin_dir, &fixture->catalog, &err), err);
    assert_ok(pipelines_load(fixture->dir, fixture->catalog, &fixture->pipelines, &err), err);
}

static inline void fixture_end(struct fixture *fixture)
{
    pipelines_free(&fixture->pipelines);
    catalog_free(&fixture->catalog);
    test_remove_dir(&fixture->dir);
    fakes_reset();
}

#endif
