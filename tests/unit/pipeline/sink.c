#include "test.h"

#include "base/json.h"
#include "base/str.h"
#include "pipeline/sink.h"

#include <stdio.h>
#include <string.h>

enum { S = 1000000, WHOLE = -1 /* as y: the whole picture */ };

struct shown {
    double start, end;
    const char *text;
    int y;
};

/* Frames are "T text|T text|…", a new line in a text is "/". The video has frames from `first`,
 * each lasts 0.5 s, the last one until `end`. */
static const struct {
    double first, end;
    struct shown shown[4]; /* text NULL ends them */
    const char *text, *frames;
} videos[] = {
    { 0, 5, { { 0, 0, NULL, 0 } }, "", "0.0 |" },
    { 1.5, 5, { { 0, 0, NULL, 0 } }, "", "1.5 |" },
    { 0, 5, { { 0, 5, "a", 0 } }, "a", "0.0 a|" },
    { 0, 5, { { 1, 2, "a", 0 } }, "a", "0.0 |1.0 a|2.0 |" },
    { 0, 5, { { 1, 2, "a", 0 }, { 2, 3, "b", 0 } }, "a/b", "0.0 |1.0 a|2.0 b|3.0 |" },
    { 0, 5, { { 1, 2, "a", 0 }, { 2, 3, "a", 0 } }, "a", "0.0 |1.0 a|3.0 |" },
    { 0, 5, { { 1, 2, "a", 0 }, { 3, 4, "a", 0 } }, "a/a", "0.0 |1.0 a|2.0 |3.0 a|4.0 |" },
    { 0,
      5,
      { { 1, 4, "low", 90 }, { 2, 3, "top", 10 } },
      "low/top",
      "0.0 |1.0 low|2.0 top/low|3.0 low|4.0 |" },
    { 0, 5, { { 3, 4, "b", 0 }, { 1, 2, "a", 0 } }, "a/b", "0.0 |1.0 a|2.0 |3.0 b|4.0 |" },
    { 2, 5, { { 1, 3, "a", 0 } }, "a", "2.0 a|3.0 |" },
    { 0, 5, { { 4, 9, "a", 0 } }, "a", "0.0 |4.0 a|" },
    { 0, 5, { { 1, 1, "a", 0 } }, "a", "0.0 |" },
    { 0, 5, { { 1, 2, "a\nb", 0 } }, "a/b", "0.0 |1.0 a/b|2.0 |" },
    /* Pages are parted by an empty line, but not what comes while the page stays. */
    { 0,
      5,
      { { 0, 2, "a\nb\nc\nd", 0 }, { 2, 4, "e", 0 } },
      "a/b/c/d//e",
      "0.0 a/b/c/d|2.0 e|4.0 |" },
    { 0,
      5,
      { { 0, 2, "e", 0 }, { 2, 4, "a\nb\n\nc\nd", 0 } },
      "e//a/b//c/d",
      "0.0 e|2.0 a/b//c/d|4.0 |" },
    { 0,
      5,
      { { 0, 4, "a\nb\nc\nd", 0 }, { 2, 4, "e", 9 } },
      "a/b/c/d/e",
      "0.0 a/b/c/d|2.0 a/b/c/d/e|4.0 |" },
    { 0, 5, { { 0, 2, "a", WHOLE }, { 2, 4, "b", WHOLE } }, "a//b", "0.0 a|2.0 b|4.0 |" },
    /* A text is plain: no controls, one kind of line. Marks of direction belong to it. */
    { 0,
      5,
      { { 1, 2,
          "\x1b]0;a\a\x7f\xC2\x9B\r\nb\rc\xE2\x80\xA8"
          "d\t.",
          0 },
        { 3, 4, "\xE2\x80\x8F\xD7\x90", 0 } },
      "]0;a/b/c/d\t.//\xE2\x80\x8F\xD7\x90",
      "0.0 |1.0 ]0;a/b/c/d\t.|2.0 |3.0 \xE2\x80\x8F\xD7\x90|4.0 |" },
    { 0, 5, { { 1, 2, "\x1b\x01", 0 } }, "", "0.0 |" },
    { 0, 5, { { 1.2345, 2, "\xFF", 0 } }, "\xEF\xBF\xBD", "0.0 |1.235 \xEF\xBF\xBD|2.0 |" },
};

static void nothing_free(struct takeup_item *item)
{
    (void)item;
}

static void add_segment(struct sink *sink, const struct shown *shown)
{
    struct takeup_segment segment = {
        .item = { TAKEUP_PORT_SEGMENTS, 1, 0, (int64_t)(shown->start * S),
                  (int64_t)(shown->end * S), nothing_free },
        .text = shown->text,
        .confidence = 0.75F,
        .box = { 0, shown->y, 10, 10 },
        .frame_width = 100,
        .frame_height = 60,
    };
    if (shown->y == WHOLE)
        segment.box = (struct takeup_box){ 0, 0, 100, 60 };
    sink_segment(sink, &segment);
}

static void add_source(struct sink *sink, double first, double end)
{
    for (int64_t t = (int64_t)(first * S); t < (int64_t)(end * S); t += S / 2) {
        const struct takeup_item item = { TAKEUP_PORT_FRAME, 1, 0, t, t + S / 2, nothing_free };
        sink_source(sink, &item);
    }
}

static json_t *read_body(int dir_fd, const char *name)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len = 0;
    struct err err = { 0 };
    assert_ok(fs_read_file(dir_fd, name, 64 << 20, &text, &len, &err), err);
    json_t *body = NULL;
    struct json_mark mark;
    assert_int_equal(json_parse(text, len, &body, &mark, &err), 1);
    return body;
}

static char *frames_story(const json_t *frames)
{
    struct str story = { 0 };
    size_t i;
    json_t *frame;
    json_array_foreach(frames, i, frame)
    {
        CLEANUP(mem_free_text) char *t = json_line(json_object_get(frame, "t"));
        str_addf(&story, "%s %s|", t, json_get_text(frame, "text", "?"));
    }
    char *text = str_take(&story);
    for (char *at = text; (at = strchr(at, '\n'));)
        *at = '/';
    return text;
}

static void check_video(size_t row)
{
    char *dir = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, false);
    add_source(sink, videos[row].first, videos[row].end);
    for (const struct shown *shown = videos[row].shown; shown->text; shown++)
        add_segment(sink, shown);
    struct err err = { 0 };
    assert_ok(sink_write(sink, &err), err);
    sink_free(&sink);

    CLEANUP(json_drop) json_t *body = read_body(dir_fd, "result.json");
    CLEANUP(mem_free_text) char *story = frames_story(json_object_get(body, "frames"));
    CLEANUP(mem_free_text) char *text = mem_strdup(json_get_text(body, "text", "?"));
    for (char *at = text; (at = strchr(at, '\n'));)
        *at = '/';
    if (strcmp(story, videos[row].frames) != 0 || strcmp(text, videos[row].text) != 0)
        fail_msg("row %zu: %s, %s", row, text, story);
    test_remove_dir(&dir);
}

static void test_videos(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(videos); i++)
        check_video(i);
}

/* Boxes of one label each; the story of a frame is "T text [label#track@x …]|". A label is there
 * from start to end; end 0: it is not. */
struct seen {
    double start, end;
    const char *label;
    unsigned track;
    int x;
};

#define NO_TEXT                                                                                    \
    {                                                                                              \
        {                                                                                          \
            0, 0, NULL, 0                                                                          \
        }                                                                                          \
    }
static const struct {
    struct shown shown[3]; /* text NULL ends them */
    struct seen seen[5];   /* label NULL ends them */
    const char *frames;
} sights[] = {
    { NO_TEXT, { { 0, 0, NULL, 0, 0 } }, "0.0 []|" },
    { NO_TEXT, { { 1, 2, "cat", 7, 5 } }, "0.0 []|1.0 [cat#7@5]|2.0 []|" },
    /* goes on unmoved, then moves */
    { NO_TEXT,
      { { 1, 2, "cat", 7, 5 }, { 2, 3, "cat", 7, 5 }, { 3, 4, "cat", 7, 6 } },
      "0.0 []|1.0 [cat#7@5]|3.0 [cat#7@6]|4.0 []|" },
    /* at one place with another number */
    { NO_TEXT,
      { { 1, 2, "cat", 7, 5 }, { 2, 5, "cat", 0, 5 } },
      "0.0 []|1.0 [cat#7@5]|2.0 [cat@5]|" },
    /* with text: each tells of what is there of the other */
    { { { 1.5, 2.5, "hello", 0 } },
      { { 1, 2, "cat", 1, 5 }, { 2, 3, "dog", 2, 9 } },
      "0.0 []|1.0 [cat#1@5]|1.5 hello [cat#1@5]|2.0 hello [dog#2@9]|2.5 [dog#2@9]|3.0 []|" },
    /* two detectors, the one behind the other; one begins before the video */
    { NO_TEXT,
      { { 2, 4, "b", 0, 1 }, { -1, 3, "a", 0, 1 } },
      "0.0 [a@1]|2.0 [a@1 b@1]|3.0 [b@1]|4.0 []|" },
    /* beyond the end, and of no length */
    { NO_TEXT,
      { { 4, 9, "late", 0, 1 }, { 6, 7, "no", 0, 1 }, { 1, 1, "no", 0, 1 } },
      "0.0 []|4.0 [late@1]|" },
};

static void add_seen(struct sink *sink, const struct seen *seen)
{
    const struct takeup_object object = {
        .label = seen->label, .confidence = 0.5F, .box = { seen->x, 2, 3, 4 }, .track = seen->track
    };
    const struct takeup_boxes found = {
        .item = { TAKEUP_PORT_BOXES, 1, 0, (int64_t)(seen->start * S), (int64_t)(seen->end * S),
                  nothing_free },
        .objects = &object,
        .count = 1,
    };
    struct err err = { 0 };
    assert_ok(sink_boxes(sink, &found, &err), err);
}

static char *sights_story(const json_t *frames)
{
    struct str story = { 0 };
    size_t i, j;
    json_t *frame, *object;
    json_array_foreach(frames, i, frame)
    {
        CLEANUP(mem_free_text) char *t = json_line(json_object_get(frame, "t"));
        const char *text = json_get_text(frame, "text", "?"), *space = text[0] ? " " : "";
        str_addf(&story, "%s %s%s[", t, text, space);
        assert_true(json_is_array(json_object_get(frame, "boxes")));
        json_array_foreach(json_object_get(frame, "boxes"), j, object)
        {
            const json_t *track = json_object_get(object, "track");
            str_addf(&story, "%s%s", j ? " " : "", json_get_text(object, "label", "?"));
            if (!json_is_null(track))
                str_addf(&story, "#%d", (int)json_integer_value(track));
            const json_t *box = json_object_get(object, "box");
            str_addf(&story, "@%d", (int)json_integer_value(json_array_get(box, 0)));
        }
        str_add(&story, "]|");
    }
    return str_take(&story);
}

static void test_boxes_are_merged_into_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sights); i++) {
        char *dir = test_make_dir();
        CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct sink *sink = sink_new(dir_fd, true);
        add_source(sink, 0, 5);
        for (const struct shown *shown = sights[i].shown; shown->text; shown++)
            add_segment(sink, shown);
        for (const struct seen *seen = sights[i].seen; seen->label; seen++)
            add_seen(sink, seen);
        struct err err = { 0 };
        assert_ok(sink_write(sink, &err), err);
        sink_free(&sink);
        CLEANUP(json_drop) json_t *body = read_body(dir_fd, "result.json");
        CLEANUP(mem_free_text) char *story = sights_story(json_object_get(body, "frames"));
        bool has_file = faccessat(dir_fd, "boxes.jsonl", R_OK, 0) == 0;
        if (strcmp(story, sights[i].frames) != 0 || has_file != (sights[i].seen[0].label != NULL) ||
            has_file != (json_get_text(body, "boxes_file", NULL) != NULL))
            fail_msg("row %zu: %s", i, story);
        test_remove_dir(&dir);
    }
}

static const struct {
    struct takeup_object object;
    const char *line;
} objects[] = {
    { { .label = "cat", .confidence = 0.12345F, .box = { 1, 2, 3, 4 }, .track = 7 },
      "{\"label\":\"cat\",\"confidence\":0.123,\"box\":[1,2,3,4],\"track\":7}" },
    { { .label = "qr", .confidence = 2, .text = "https://x" },
      "{\"label\":\"qr\",\"confidence\":1.0,\"box\":[0,0,0,0],\"track\":null,"
      "\"text\":\"https://x\"}" },
    { { .label = "\xFF", .confidence = -1 },
      "{\"label\":\"\xEF\xBF\xBD\",\"confidence\":0.0,\"box\":[0,0,0,0],\"track\":null}" },
};

static void test_boxes_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(objects); i++) {
        char *dir = test_make_dir();
        CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct sink *sink = sink_new(dir_fd, true);
        const struct takeup_boxes found = { .item = { TAKEUP_PORT_BOXES, 1, 0, S / 2, S,
                                                      nothing_free },
                                            .objects = &objects[i].object,
                                            .count = 1 };
        struct err err = { 0 };
        assert_ok(sink_boxes(sink, &found, &err), err);
        assert_ok(sink_write(sink, &err), err);
        sink_free(&sink);
        CLEANUP(mem_free_text) char *got = NULL;
        CLEANUP(mem_free_text)
        char *wanted = mem_printf("{\"t\":0.5,\"end\":1.0,\"boxes\":[%s]}\n", objects[i].line);
        size_t len;
        assert_ok(fs_read_file(dir_fd, "boxes.jsonl", 4096, &got, &len, &err), err);
        if (strcmp(got, wanted) != 0)
            fail_msg("row %zu: %s", i, got);
        test_remove_dir(&dir);
    }
}

static void drop(struct sink *sink, double start, const char *text)
{
    const struct takeup_segment segment = {
        .item = { TAKEUP_PORT_SEGMENTS, 1, 0, (int64_t)(start * S), 3 * (int64_t)S, nothing_free },
        .text = text,
        .confidence = 0.25F,
        .box = { 1, 2, 3, 4 },
    };
    sink_drop(sink, &segment, "ocr", "it is \"bad\"");
}

#define DROPPED                                                                                    \
    "\"confidence\":0.25,\"box\":[1,2,3,4],\"step\":\"ocr\",\"why\":\"it is \\\"bad\\\"\"}\n"
static const char dropped_lines[] = "{\"t\":0.0,\"text\":\"\",\"confidence\":null}\n"
                                    "{\"t\":0.5,\"end\":3.0,\"dropped\":\"\xEF\xBF\xBD\"," DROPPED
                                    "{\"t\":1.0,\"text\":\"a\",\"confidence\":0.75}\n"
                                    "{\"t\":1.0,\"end\":3.0,\"dropped\":\"same\"," DROPPED
                                    "{\"t\":2.0,\"text\":\"\",\"confidence\":null}\n"
                                    "{\"t\":2.5,\"end\":3.0,\"dropped\":\"late\"," DROPPED;

static void test_what_was_dropped_stands_between_the_frames(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, false);
    add_source(sink, 0, 5);
    add_segment(sink, &(struct shown){ 1, 2, "a", 0 });
    drop(sink, 2.5, "late");
    drop(sink, 0.5, "\xFF");
    drop(sink, 1, "same");
    struct err err = { 0 };
    assert_ok(sink_write(sink, &err), err);
    sink_free(&sink);
    CLEANUP(mem_free_text) char *lines = NULL;
    size_t len;
    assert_ok(fs_read_file(dir_fd, "frames.jsonl", 4096, &lines, &len, &err), err);
    assert_string_equal(lines, dropped_lines);
    CLEANUP(json_drop) json_t *body = read_body(dir_fd, "result.json");
    assert_int_equal(json_array_size(json_object_get(body, "frames")), 3);
    test_remove_dir(&dir);
}

static void test_a_segment_tells_its_images(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, false);
    static const char *const names[] = { "a.png", "b.png", NULL }, *const none[] = { NULL };
    const char *const *const images[] = { names, none, NULL };
    for (size_t i = 0; i < COUNT(images); i++) {
        const struct takeup_segment segment = {
            .item = { TAKEUP_PORT_SEGMENTS, 1, 0, (int64_t)i * S, (int64_t)(i + 1) * S,
                      nothing_free },
            .text = "x",
            .images = images[i],
        };
        sink_segment(sink, &segment);
    }
    struct err err = { 0 };
    assert_ok(sink_write(sink, &err), err);
    sink_free(&sink);
    CLEANUP(json_drop) json_t *body = read_body(dir_fd, "result.json");
    const json_t *segments = json_object_get(body, "segments");
    CLEANUP(mem_free_text)
    char *first = json_line(json_object_get(json_array_get(segments, 0), "images"));
    assert_string_equal(first, "[\"a.png\",\"b.png\"]");
    assert_null(json_object_get(json_array_get(segments, 1), "images"));
    assert_null(json_object_get(json_array_get(segments, 2), "images"));
    test_remove_dir(&dir);
}

/* What was read lies in partial.jsonl as it comes, and is gone when the result is there. */
static void test_what_was_read_is_on_disk_at_once(void **state)
{
    (void)state;
    static const struct shown read[] = { { 1, 2, "a", 0 }, { 2, 3, "b\n\xFF", 7 } };
    static const char *const lines[] = {
        "{\"start\":1.0,\"end\":2.0,\"text\":\"a\",\"confidence\":0.75,\"box\":[0,0,10,10]}\n",
        "{\"start\":2.0,\"end\":3.0,\"text\":\"b\\n\xEF\xBF\xBD\",\"confidence\":0.75,"
        "\"box\":[0,7,10,10]}\n",
    };
    char *dir = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, false);
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *wanted = mem_strdup("");
    for (size_t i = 0; i < COUNT(read); i++) {
        CLEANUP(mem_free_text) char *before = TAKE(wanted), *got = NULL;
        size_t len;
        wanted = mem_printf("%s%s", before, lines[i]);
        add_segment(sink, &read[i]);
        assert_ok(fs_read_file(dir_fd, SINK_PARTIAL_FILE, 4096, &got, &len, &err), err);
        assert_string_equal(got, wanted);
    }
    assert_ok(sink_write(sink, &err), err);
    sink_free(&sink);
    assert_int_equal(faccessat(dir_fd, SINK_PARTIAL_FILE, F_OK, 0), -1);
    test_remove_dir(&dir);
}

/* A sink that was given much, written; what is inline and what is not. */
static json_t *write_much(const char *dir, size_t count, size_t text_len, size_t boxes)
{
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, true);
    struct err err = { 0 };
    char *text = mem_zero(text_len + 1, 1);
    for (size_t i = 0; i < count; i++) {
        memset(text, 'a' + (int)(i % 26), text_len);
        const struct shown shown = { (double)i, (double)i + 1, text, 0 };
        add_segment(sink, &shown);
    }
    const struct takeup_object object = { .label = "cat",
                                          .confidence = 0.5F,
                                          .box = { 1, 2, 3, 4 } };
    for (size_t i = 0; i < boxes; i++) {
        const struct takeup_boxes found = {
            .item = { TAKEUP_PORT_BOXES, 1, 0, (int64_t)i * S, (int64_t)(i + 1) * S, nothing_free },
            .objects = &object,
            .count = i % 2, /* in every other one nothing was found */
        };
        assert_ok(sink_boxes(sink, &found, &err), err);
    }
    free(text);
    assert_ok(sink_write(sink, &err), err);
    sink_free(&sink);
    struct stat st;
    assert_int_equal(fstatat(dir_fd, "result.json", &st, 0), 0);
    assert_true(st.st_size <= SINK_BODY_BYTES_MAX);
    return read_body(dir_fd, "result.json");
}

static const struct {
    size_t count, text_len, boxes;
    const char *out; /* keys whose value is null, each with a file that is there */
} sizes[] = {
    { 10, 10, 0, "" },
    { 1999, 1, 3, "" },
    { 2001, 1, 0, "frames" },
    { 5, 1, 2002, "frames" }, /* for boxes that come and go are frames */
    { 1000, 5000, 0, "frames segments" },
    { 1000, 10000, 0, "frames segments text" },
};

static void test_what_is_too_large_is_in_files(void **state)
{
    (void)state;
    static const char *const keys[] = { "frames", "segments", "text" };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *dir = test_make_dir();
        CLEANUP(json_drop)
        json_t *body = write_much(dir, sizes[i].count, sizes[i].text_len, sizes[i].boxes);
        for (size_t j = 0; j < COUNT(keys); j++) {
            CLEANUP(mem_free_text) char *file_key = mem_printf("%s_file", keys[j]);
            const char *file = json_get_text(body, file_key, NULL);
            CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, file ? file : "none");
            bool out = strstr(sizes[i].out, keys[j]) != NULL;
            if (out != json_is_null(json_object_get(body, keys[j])) || out != (file != NULL) ||
                (out && access(path, R_OK) < 0))
                fail_msg("row %zu: %s, %s", i, keys[j], file ? file : "no file");
        }
        test_remove_dir(&dir);
    }
}

static void test_warnings_are_bounded(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sink *sink = sink_new(dir_fd, false);
    for (int i = 0; i < SINK_WARNINGS_MAX + 7; i++)
        sink_warn(sink, "odd");
    struct err err = { 0 };
    assert_ok(sink_write(sink, &err), err);
    CLEANUP(json_drop) json_t *body = read_body(dir_fd, "result.json");
    const json_t *warnings = json_object_get(body, "warnings");
    assert_int_equal(json_array_size(warnings), SINK_WARNINGS_MAX + 1);
    assert_string_equal(json_string_value(json_array_get(warnings, SINK_WARNINGS_MAX)),
                        "… and 7 more");
    /* A second result would have to replace the first. */
    assert_true(sink_write(sink, &err) < 0);
    assert_int_equal(err.kind, ERR_IO);
    sink_free(&sink);
    test_remove_dir(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_videos),
        cmocka_unit_test(test_boxes_are_merged_into_frames),
        cmocka_unit_test(test_what_was_dropped_stands_between_the_frames),
        cmocka_unit_test(test_a_segment_tells_its_images),
        cmocka_unit_test(test_boxes_lines),
        cmocka_unit_test(test_what_was_read_is_on_disk_at_once),
        cmocka_unit_test(test_what_is_too_large_is_in_files),
        cmocka_unit_test(test_warnings_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
