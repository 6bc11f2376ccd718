/* What a plugin that was built years ago relies on: each offset, size and value of <takeup/step.h>.
 *
 * A row here is never changed. Rows are added, with a higher TAKEUP_STEP_ABI, when something takes
 * over a reserved member, is appended to what only takeup makes, or becomes a new enumerator: the
 * rule stands at the top of the header. */
#include "test.h"

#include "api/step.h"

#include <string.h>

#define CHANGED                                                                                    \
    "step.h is frozen: see `How it grows` at its top. Take a reserved member instead and raise "   \
    "TAKEUP_STEP_ABI; if a break cannot be helped, raise TAKEUP_STEP_ABI_OLDEST to it too"

/* Of machines with 64 bits, which all have these sizes; a plugin never moves to another kind. */
#if __SIZEOF_POINTER__ == 8

struct place {
    const char *name;
    size_t offset, size, was_offset, was_size;
};

#define MEMBER(type, member, offset, size)                                                         \
    {                                                                                              \
#type "." #member, offsetof(struct type, member), sizeof(((struct type *)0)->member),      \
            offset, size                                                                           \
    }
#define SIZE(type, size)                                                                           \
    {                                                                                              \
#type, 0, sizeof(struct type), 0, size                                                     \
    }

/* clang-format off */
static const struct place places[] = {
    SIZE(takeup_item, 40),
    MEMBER(takeup_item, port, 0, 4),
    MEMBER(takeup_item, references, 4, 4),
    MEMBER(takeup_item, number, 8, 8),
    MEMBER(takeup_item, start_us, 16, 8),
    MEMBER(takeup_item, end_us, 24, 8),
    MEMBER(takeup_item, free, 32, 8),
    SIZE(takeup_rational, 8),
    MEMBER(takeup_rational, num, 0, 4),
    MEMBER(takeup_rational, den, 4, 4),
    SIZE(takeup_box, 16),
    MEMBER(takeup_box, x, 0, 4),
    MEMBER(takeup_box, y, 4, 4),
    MEMBER(takeup_box, width, 8, 4),
    MEMBER(takeup_box, height, 12, 4),
    SIZE(takeup_frame, 160),
    MEMBER(takeup_frame, item, 0, 40),
    MEMBER(takeup_frame, width, 40, 4),
    MEMBER(takeup_frame, height, 44, 4),
    MEMBER(takeup_frame, pixels, 48, 4),
    MEMBER(takeup_frame, plane, 56, 24),
    MEMBER(takeup_frame, stride, 80, 12),
    MEMBER(takeup_frame, pts, 96, 8),
    MEMBER(takeup_frame, time_base, 104, 8),
    MEMBER(takeup_frame, sample_aspect, 112, 8),
    MEMBER(takeup_frame, owner, 120, 8),
    MEMBER(takeup_frame, glances, 128, 8),
    MEMBER(takeup_frame, reserved, 136, 24),
    SIZE(takeup_glance, 16),
    MEMBER(takeup_glance, start_us, 0, 8),
    MEMBER(takeup_glance, luma, 8, 8),
    SIZE(takeup_glances, 40),
    MEMBER(takeup_glances, columns, 0, 4),
    MEMBER(takeup_glances, rows, 4, 4),
    MEMBER(takeup_glances, count, 8, 8),
    MEMBER(takeup_glances, all, 16, 8),
    MEMBER(takeup_glances, reserved, 24, 16),
    SIZE(takeup_crop, 128),
    MEMBER(takeup_crop, item, 0, 40),
    MEMBER(takeup_crop, region, 40, 8),
    MEMBER(takeup_crop, box, 48, 16),
    MEMBER(takeup_crop, width, 64, 4),
    MEMBER(takeup_crop, height, 68, 4),
    MEMBER(takeup_crop, luma, 72, 8),
    MEMBER(takeup_crop, stride, 80, 4),
    MEMBER(takeup_crop, owner, 88, 8),
    MEMBER(takeup_crop, frame_width, 96, 4),
    MEMBER(takeup_crop, frame_height, 100, 4),
    MEMBER(takeup_crop, flags, 104, 8),
    MEMBER(takeup_crop, from_ms, 112, 8),
    MEMBER(takeup_crop, reserved, 120, 8),
    SIZE(takeup_object, 80),
    MEMBER(takeup_object, label, 0, 8),
    MEMBER(takeup_object, confidence, 8, 4),
    MEMBER(takeup_object, box, 12, 16),
    MEMBER(takeup_object, track, 32, 8),
    MEMBER(takeup_object, text, 40, 8),
    MEMBER(takeup_object, reserved, 48, 32),
    SIZE(takeup_boxes, 88),
    MEMBER(takeup_boxes, item, 0, 40),
    MEMBER(takeup_boxes, objects, 40, 8),
    MEMBER(takeup_boxes, count, 48, 8),
    MEMBER(takeup_boxes, reserved, 56, 32),
    SIZE(takeup_word, 48),
    MEMBER(takeup_word, text, 0, 8),
    MEMBER(takeup_word, confidence, 8, 4),
    MEMBER(takeup_word, box, 12, 16),
    MEMBER(takeup_word, reserved, 32, 16),
    SIZE(takeup_line, 64),
    MEMBER(takeup_line, text, 0, 8),
    MEMBER(takeup_line, confidence, 8, 4),
    MEMBER(takeup_line, box, 12, 16),
    MEMBER(takeup_line, words, 32, 8),
    MEMBER(takeup_line, word_count, 40, 8),
    MEMBER(takeup_line, image, 48, 8),
    MEMBER(takeup_line, reserved, 56, 8),
    SIZE(takeup_lines, 112),
    MEMBER(takeup_lines, item, 0, 40),
    MEMBER(takeup_lines, region, 40, 8),
    MEMBER(takeup_lines, box, 48, 16),
    MEMBER(takeup_lines, lines, 64, 8),
    MEMBER(takeup_lines, count, 72, 8),
    MEMBER(takeup_lines, frame_width, 80, 4),
    MEMBER(takeup_lines, frame_height, 84, 4),
    MEMBER(takeup_lines, flags, 88, 8),
    MEMBER(takeup_lines, from_ms, 96, 8),
    MEMBER(takeup_lines, reserved, 104, 8),
    SIZE(takeup_segment, 104),
    MEMBER(takeup_segment, item, 0, 40),
    MEMBER(takeup_segment, text, 40, 8),
    MEMBER(takeup_segment, confidence, 48, 4),
    MEMBER(takeup_segment, box, 52, 16),
    MEMBER(takeup_segment, frame_width, 68, 4),
    MEMBER(takeup_segment, frame_height, 72, 4),
    MEMBER(takeup_segment, images, 80, 8),
    MEMBER(takeup_segment, reserved, 88, 16),
    SIZE(takeup_output, 8),
    MEMBER(takeup_output, emit, 0, 8),
    SIZE(takeup_strings, 16),
    MEMBER(takeup_strings, items, 0, 8),
    MEMBER(takeup_strings, count, 8, 8),
    SIZE(takeup_param, 64),
    MEMBER(takeup_param, name, 0, 8),
    MEMBER(takeup_param, type, 8, 4),
    MEMBER(takeup_param, offset, 16, 8),
    MEMBER(takeup_param, otherwise, 24, 8),
    MEMBER(takeup_param, min, 32, 8),
    MEMBER(takeup_param, max, 40, 8),
    MEMBER(takeup_param, choices, 48, 8),
    MEMBER(takeup_param, help, 56, 8),
    SIZE(takeup_host, 80),
    MEMBER(takeup_host, input_fd, 0, 4),
    MEMBER(takeup_host, input_name, 8, 8),
    MEMBER(takeup_host, output_dir, 16, 4),
    MEMBER(takeup_host, threads, 20, 4),
    MEMBER(takeup_host, fail, 24, 8),
    MEMBER(takeup_host, warn, 32, 8),
    MEMBER(takeup_host, info, 40, 8),
    MEMBER(takeup_host, progress, 48, 8),
    MEMBER(takeup_host, count, 56, 8),
    MEMBER(takeup_host, drop, 64, 8),
    MEMBER(takeup_host, inputs, 72, 4),
    SIZE(takeup_why, 1028),
    MEMBER(takeup_why, failure, 0, 4),
    MEMBER(takeup_why, text, 4, 512),
    MEMBER(takeup_why, what_to_do, 516, 512),
    SIZE(takeup_step, 176),
    MEMBER(takeup_step, name, 0, 8),
    MEMBER(takeup_step, help, 8, 8),
    MEMBER(takeup_step, takes, 16, 4),
    MEMBER(takeup_step, gives, 20, 4),
    MEMBER(takeup_step, flags, 24, 4),
    MEMBER(takeup_step, writes, 32, 8),
    MEMBER(takeup_step, params, 40, 8),
    MEMBER(takeup_step, params_size, 48, 8),
    MEMBER(takeup_step, self_size, 56, 8),
    MEMBER(takeup_step, warm, 64, 8),
    MEMBER(takeup_step, open, 72, 8),
    MEMBER(takeup_step, feed, 80, 8),
    MEMBER(takeup_step, pull, 88, 8),
    MEMBER(takeup_step, finish, 96, 8),
    MEMBER(takeup_step, close, 104, 8),
    MEMBER(takeup_step, reserved, 112, 64),
    SIZE(takeup_plugin, 32),
    MEMBER(takeup_plugin, abi, 0, 4),
    MEMBER(takeup_plugin, name, 8, 8),
    MEMBER(takeup_plugin, version, 16, 8),
    MEMBER(takeup_plugin, steps, 24, 8),
};
/* clang-format on */

static void test_nothing_has_moved(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const struct place *place = &places[i];
        if (place->offset != place->was_offset || place->size != place->was_size)
            fail_msg("%s: %zu bytes at %zu, was %zu at %zu. " CHANGED, place->name, place->size,
                     place->offset, place->was_size, place->was_offset);
    }
}

#endif

static const struct {
    const char *name;
    int is, was;
} values[] = {
#define VALUE(name, value)                                                                         \
    {                                                                                              \
#name, name, value                                                                         \
    }
    /* clang-format off */
    VALUE(TAKEUP_STEP_ABI_OLDEST, 1),
    VALUE(TAKEUP_REGION_MOVED, 1),
    VALUE(TAKEUP_PORT_NONE, 0),
    VALUE(TAKEUP_PORT_FRAME, 1),
    VALUE(TAKEUP_PORT_CROP, 2),
    VALUE(TAKEUP_PORT_BOXES, 3),
    VALUE(TAKEUP_PORT_LINES, 4),
    VALUE(TAKEUP_PORT_SEGMENTS, 5),
    VALUE(TAKEUP_PIXELS_GRAY, 0),
    VALUE(TAKEUP_PIXELS_YUV420, 1),
    VALUE(TAKEUP_TYPE_BOOL, 0),
    VALUE(TAKEUP_TYPE_INT, 1),
    VALUE(TAKEUP_TYPE_REAL, 2),
    VALUE(TAKEUP_TYPE_TEXT, 3),
    VALUE(TAKEUP_TYPE_STRINGS, 4),
    VALUE(TAKEUP_TYPE_FILE, 5),
    VALUE(TAKEUP_TYPE_TIME, 6),
    VALUE(TAKEUP_FAIL_INPUT, 0),
    VALUE(TAKEUP_FAIL_CONFIG, 1),
    VALUE(TAKEUP_FAIL_MISSING, 2),
    VALUE(TAKEUP_FAIL_IO, 3),
    VALUE(TAKEUP_FAIL_MEMORY, 4),
    VALUE(TAKEUP_FAIL_STOPPED, 5),
    VALUE(TAKEUP_FAIL_BUG, 6),
    VALUE(TAKEUP_COUNT_FRAMES_DECODED, 0),
    VALUE(TAKEUP_COUNT_FRAMES_READ, 1),
    VALUE(TAKEUP_SERIAL, 1),
    VALUE(TAKEUP_PARALLEL, 2),
    VALUE(TAKEUP_WHY_SIZE, 512),
#undef VALUE
    /* clang-format on */
};

static void test_values_are_what_they_were(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        if (values[i].is != values[i].was)
            fail_msg("%s is %d, was %d. " CHANGED, values[i].name, values[i].is, values[i].was);
}

/* What this table is of. Whoever raises it adds the rows of what is new. */
static void test_the_table_is_of_this_version(void **state)
{
    (void)state;
    assert_int_equal(TAKEUP_STEP_ABI, 2);
    assert_true(TAKEUP_STEP_ABI_OLDEST <= TAKEUP_STEP_ABI);
    assert_int_equal(offsetof(struct takeup_plugin, abi), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if __SIZEOF_POINTER__ == 8
        cmocka_unit_test(test_nothing_has_moved),
#endif
        cmocka_unit_test(test_values_are_what_they_were),
        cmocka_unit_test(test_the_table_is_of_this_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
