/* A video of a few seconds is drawn picture by picture, STEP_MS apart. Times lie half way between
 * two of them, but for the tests that glance at what is between. */
#include "draw.h"

#include "reading/tracker.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEP_MS = 200, SCALE = 3, X = 40, Y = 90 };

static struct drawing drawing;

struct seen {
    struct tracker_line lines[32];
    size_t count;
    int64_t from_us; /* what was said last of when lines begin */
};

static void take(struct tracker *tracker, struct seen *seen)
{
    struct tracker_line line;
    while (tracker_next(tracker, &line)) {
        assert_true(seen->count < COUNT(seen->lines));
        assert_true(line.start_us >= seen->from_us);
        seen->lines[seen->count++] = line;
    }
    int64_t from_us = tracker_from_us(tracker);
    assert_true(from_us >= seen->from_us || seen->from_us == 0);
    seen->from_us = from_us;
}

static void release(struct seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        strip_image_release(&seen->lines[i].image);
    seen->count = 0;
}

/* Shows pictures 0 to before `count`. */
static void show(void (*draw)(int), int count, struct seen *seen)
{
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    for (int picture = 0; picture < count; picture++) {
        draw(picture);
        const struct luma luma = draw_luma(&drawing);
        int64_t start_us = picture * STEP_MS * INT64_C(1000);
        assert_int_equal(tracker_look(tracker, &luma, start_us, start_us + STEP_MS * 1000), 0);
        take(tracker, seen);
    }
    assert_int_equal(tracker_end(tracker), 0);
    take(tracker, seen);
}

/* ---- what is shown ---- */

static void flat(void)
{
    draw_flat(&drawing, 40);
}

static void put(int y, const char *text)
{
    draw_text(&drawing, X, y, SCALE, 230, text);
}

static void comes_and_goes(int picture)
{
    flat();
    if (picture >= 5 && picture < 15)
        put(Y, "COMES AND GOES");
}
static void from_beginning_to_end(int picture)
{
    (void)picture;
    flat();
    put(Y, "ALWAYS THERE");
}
static void with_noise(int picture)
{
    comes_and_goes(picture);
    draw_noise(&drawing, 12, picture);
}
static void on_leaves(int picture)
{
    draw_leaves(&drawing, 10, 150, picture * 23);
    if (picture >= 5 && picture < 15)
        draw_outlined(&drawing, X, Y, SCALE, 240, 10, "COMES AND GOES");
}
static void comes_late(int picture)
{
    flat();
    if (picture >= 8)
        put(Y, "COMES LATE");
}
/* What stands there first is little beside what comes, and as likely a chance of the leaves. */
static void grows_on_leaves(int picture)
{
    draw_leaves(&drawing, 10, 150, picture * 23);
    if (picture >= 3)
        draw_outlined(&drawing, X, Y, SCALE, 240, 10, picture < 9 ? "A" : "A LINE OF TEXT");
}
static void fades(int picture)
{
    static const int levels[] = { 40, 60, 120, 180, 230 };
    flat();
    int level = picture < 5 ? levels[picture] : picture < 15 ? 230 : 40;
    draw_text(&drawing, X, Y, SCALE, level, "FADES IN");
}
static void gets_darker(int picture)
{
    flat();
    put(Y, "STAYS THE SAME");
    draw_gain(&drawing, 100 - 3 * picture, 0);
}
static void changes_on_leaves(int picture)
{
    draw_leaves(&drawing, 10, 150, picture * 23);
    draw_outlined(&drawing, X, Y, SCALE, 240, 10, picture < 8 ? "SUBTITLE ONE" : "WHAT NEXT");
}
static void dark_on_light(int picture)
{
    draw_flat(&drawing, 230);
    if (picture < 8)
        draw_text(&drawing, X, Y, SCALE, 30, "DARK LETTERS");
}
static void changes(int picture)
{
    flat();
    put(Y, picture < 8 ? "THE FIRST TEXT" : "WHAT COMES NOW");
}
static void counts(int picture)
{
    flat();
    put(Y, picture < 8 ? "ITEM NUMBER 1" : "ITEM NUMBER 4");
}
static void comes_back(int picture)
{
    flat();
    if (picture < 6 || picture >= 12)
        put(Y, "HERE AGAIN");
}
static void two_zones(int picture)
{
    flat();
    put(20, "A NAME PLATE");
    put(150, picture < 6 ? "SUBTITLE ONE" : picture < 12 ? "WHAT NEXT" : "AND THE LAST");
}
static void scrolls(int picture)
{
    static const char *const rows[] = { "SCROLL THE", "LINES UP AS", "A TERMINAL", "DOES IT FOR",
                                        "A NEW LINE", "NOW AGAIN",   "AND ONCE" };
    int up = picture < 6 ? 0 : picture < 12 ? 1 : 2;
    flat();
    for (int row = 0; row < 5; row++)
        put(20 + 32 * row, rows[row + up]);
}
static void ticks(int picture)
{
    flat();
    draw_text(&drawing, 330 - 9 * picture, Y, SCALE, 230, "A TICKER THAT GOES ON AND ON");
}
static void grows(int picture)
{
    static const char whole[] = "TYPED LETTERS";
    char typed[sizeof(whole)];
    int letters = 1 + picture / 2;
    flat();
    (void)snprintf(typed, sizeof(typed), "%.*s", letters, whole);
    put(Y, typed);
}
static void blinks(int picture)
{
    flat();
    if (picture == 7)
        put(Y, "TOO SHORT");
}
static void gradient(int picture)
{
    (void)picture;
    draw_gradient(&drawing);
}
static void leaves(int picture)
{
    draw_leaves(&drawing, 10, 220, picture * 23);
}
static void noise(int picture)
{
    flat();
    draw_noise(&drawing, 40, picture);
}

/* At picture 0 the first one is just below the picture. */
static void roll(int x, int up)
{
    static const char *const rows[] = { "A DIRECTOR", "HIS CAMERA", "THE SOUND", "WRITTEN BY" };
    for (int row = 0; row < (int)COUNT(rows); row++)
        draw_text(&drawing, x, DRAW_HEIGHT + 40 * row - up, SCALE, 230, rows[row]);
}
static void rolls(int picture)
{
    flat();
    roll(X, 13 * picture);
}
static void rolls_slowly(int picture)
{
    flat();
    roll(X, 4 * picture);
}
static void rolls_unevenly(int picture) /* as 24 pictures a second do, of which five are seen */
{
    flat();
    roll(X, 3 * (picture * 24 / 5));
}
static void rolls_down(int picture)
{
    flat();
    draw_text(&drawing, X, 13 * picture - 21, SCALE, 230, "COMES FROM ABOVE");
    draw_text(&drawing, X, 13 * picture - 61, SCALE, 230, "AND THIS TOO");
}
static void rolls_and_stays(int picture)
{
    flat();
    draw_text(&drawing, X, 200 - 13 * int_min(picture, 8), SCALE, 230, "THE END OF IT");
}
static void rolls_past(int picture)
{
    flat();
    draw_text(&drawing, X, 200 - 13 * picture, SCALE, 230, "THE END OF IT");
}
static void rolls_beside_a_logo(int picture)
{
    flat();
    draw_text(&drawing, 240, 20, SCALE, 230, "LOGO");
    roll(20, 13 * picture);
}
static void pans_up(int picture)
{
    draw_leaves_up(&drawing, 10, 220, 0, 9 * picture);
}
static void pans_up_slowly(int picture)
{
    draw_leaves_up(&drawing, 10, 220, 0, 3 * picture);
}

enum { LINES = 8 };

/* In the order in which they end. near_ms: a moving ground may make a beginning of its own, and the
 * first letters of a text that is typed are too little of a line. wider: so many pixels of a moving
 * ground may be taken for more of the text. */
static const struct {
    const char *name;
    void (*draw)(int);
    int pictures, near_ms, wider;
    struct {
        int start_ms, end_ms, y;
        const char *text;
    } lines[LINES];
} videos[] = {
    { "comes and goes", comes_and_goes, 25, 0, 0, { { 900, 2900, Y, "COMES AND GOES" } } },
    { "dark on light", dark_on_light, 15, 0, 0, { { 0, 1500, Y, "DARK LETTERS" } } },
    { "from beginning to end",
      from_beginning_to_end,
      10,
      0,
      0,
      { { 0, 2000, Y, "ALWAYS THERE" } } },
    { "for three pictures", from_beginning_to_end, 3, 0, 0, { { 0, 600, Y, "ALWAYS THERE" } } },
    { "in the last two pictures", comes_late, 10, 0, 0, { { 1500, 2000, Y, "COMES LATE" } } },
    { "with noise", with_noise, 25, 0, 0, { { 900, 2900, Y, "COMES AND GOES" } } },
    { "on leaves that move", on_leaves, 25, 200, 32, { { 900, 2900, Y, "COMES AND GOES" } } },
    { "grows on leaves that move",
      grows_on_leaves,
      20,
      200,
      32,
      { { 1700, 4000, Y, "A LINE OF TEXT" } } },
    { "gets darker", gets_darker, 20, 0, 0, { { 0, 4000, Y, "STAYS THE SAME" } } },
    { "fades in", fades, 25, 0, 0, { { 300, 2900, Y, "FADES IN" } } },
    { "changes in place",
      changes,
      16,
      0,
      0,
      { { 0, 1500, Y, "THE FIRST TEXT" }, { 1500, 3200, Y, "WHAT COMES NOW" } } },
    { "changes on leaves",
      changes_on_leaves,
      16,
      200,
      32,
      { { 0, 1500, Y, "SUBTITLE ONE" }, { 1500, 3200, Y, "WHAT NEXT" } } },
    { "one digit changes",
      counts,
      16,
      0,
      0,
      { { 0, 1500, Y, "ITEM NUMBER 1" }, { 1500, 3200, Y, "ITEM NUMBER 4" } } },
    { "comes back",
      comes_back,
      18,
      0,
      0,
      { { 0, 1100, Y, "HERE AGAIN" }, { 2300, 3600, Y, "HERE AGAIN" } } },
    { "two zones",
      two_zones,
      18,
      0,
      0,
      { { 0, 1100, 150, "SUBTITLE ONE" },
        { 1100, 2300, 150, "WHAT NEXT" },
        { 0, 3600, 20, "A NAME PLATE" },
        { 2300, 3600, 150, "AND THE LAST" } } },
    { "scrolls", /* each line where it stood when it came */
      scrolls,
      18,
      0,
      0,
      { { 0, 1100, 20, "SCROLL THE" },
        { 0, 2300, 52, "LINES UP AS" },
        { 0, 3600, 84, "A TERMINAL" },
        { 0, 3600, 116, "DOES IT FOR" },
        { 0, 3600, 148, "A NEW LINE" },
        { 1100, 3600, 148, "NOW AGAIN" },
        { 2300, 3600, 148, "AND ONCE" } } },
    { "rolls", /* what counts is when all of a line has come in, and when it is no longer whole */
      rolls,
      30,
      20,
      0,
      { { 323, 3077, 148, "A DIRECTOR" },
        { 938, 3692, 149, "HIS CAMERA" },
        { 1554, 4308, 150, "THE SOUND" },
        { 2169, 4923, 151, "WRITTEN BY" } } },
    { "rolls slowly",
      rolls_slowly,
      85,
      60,
      0,
      { { 1050, 10000, 163, "A DIRECTOR" },
        { 3050, 12000, 164, "HIS CAMERA" },
        { 5050, 14000, 164, "THE SOUND" },
        { 7050, 16000, 164, "WRITTEN BY" } } },
    { "rolls unevenly",
      rolls_unevenly,
      26,
      100,
      0,
      { { 292, 2778, 143, "A DIRECTOR" },
        { 847, 3333, 156, "HIS CAMERA" },
        { 1403, 3889, 151, "THE SOUND" },
        { 1958, 4444, 149, "WRITTEN BY" } } },
    { "rolls down",
      rolls_down,
      25,
      20,
      0,
      { { 323, 3077, 31, "COMES FROM ABOVE" }, { 938, 3692, 30, "AND THIS TOO" } } },
    { "rolls and stays", rolls_and_stays, 20, 20, 0, { { 323, 4000, 148, "THE END OF IT" } } },
    { "grows", grows, 40, 400, 0, { { 0, 8000, Y, "TYPED LETTERS" } } },
    { "a ticker", ticks, 60, 0, 0, { { 0 } } },
    { "for one picture", blinks, 15, 0, 0, { { 0 } } },
    { "nothing but a gradient", gradient, 10, 0, 0, { { 0 } } },
    { "nothing but leaves", leaves, 25, 0, 0, { { 0 } } },
    { "nothing but leaves that go up", pans_up, 25, 0, 0, { { 0 } } },
    { "nothing but leaves that go up slowly", pans_up_slowly, 25, 0, 0, { { 0 } } },
    { "nothing but noise", noise, 25, 0, 0, { { 0 } } },
};

static bool is_near(int64_t a, int64_t b, int64_t near)
{
    return a - b <= near && b - a <= near;
}

/* An edge is two pixels wide, an outline two more. The thin stroke in which a letter ends may be
 * missed, but no letter. */
static bool is_box(const struct rect *box, int y, const char *text, int wider)
{
    enum { LETTER = 5 * SCALE };
    struct rect drawn = draw_extent(X, y, SCALE, text);
    int left = drawn.x - box->x, right = box->x + box->width - drawn.x - drawn.width;
    return left > -LETTER && left <= 4 + wider && right > -LETTER && right <= 4 + wider &&
           is_near(box->y, drawn.y, 2) && is_near(box->y + box->height, drawn.y + drawn.height, 2);
}

static void test_lines_have_their_times_and_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(videos); i++) {
        struct seen seen = { 0 };
        size_t wanted = 0;
        show(videos[i].draw, videos[i].pictures, &seen);
        for (; wanted < LINES && videos[i].lines[wanted].text; wanted++) {
            const struct tracker_line *line = &seen.lines[wanted];
            const char *text = videos[i].lines[wanted].text;
            if (wanted < seen.count &&
                (!is_near(line->start_us / 1000, videos[i].lines[wanted].start_ms,
                          videos[i].near_ms) ||
                 !is_near(line->end_us / 1000, videos[i].lines[wanted].end_ms, videos[i].near_ms) ||
                 !is_box(&line->box, videos[i].lines[wanted].y, text, videos[i].wider)))
                fail_msg("%s: line %zu from %d to %d ms, %dx%d at %d,%d", videos[i].name, wanted,
                         (int)(line->start_us / 1000), (int)(line->end_us / 1000), line->box.width,
                         line->box.height, line->box.x, line->box.y);
        }
        if (seen.count != wanted)
            fail_msg("%s: %zu lines", videos[i].name, seen.count);
        release(&seen);
    }
}

static void test_what_rolls_does_not_disturb_what_stands_beside_it(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    size_t logos = 0;
    show(rolls_beside_a_logo, 30, &seen);
    for (size_t i = 0; i < seen.count; i++)
        if (seen.lines[i].box.x > 220) {
            logos++;
            assert_int_equal(seen.lines[i].start_us, 0);
            assert_int_equal(seen.lines[i].end_us, 30 * STEP_MS * 1000);
            assert_false(seen.lines[i].has_moved);
        }
    assert_int_equal(logos, 1);
    assert_int_equal(seen.count, 5);
    release(&seen);
}

/* ---- what is between the pictures ---- */

enum { FRAMES = 5 /* to a picture; the first one is looked at */, POINT = 2 /* pixels */ };
enum { COLUMNS = DRAW_WIDTH / POINT, ROWS = DRAW_HEIGHT / POINT };

static void glance_at(uint8_t *points)
{
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++)
            points[y * COLUMNS + x] = drawing.pixels[y * POINT][x * POINT];
}

/* As show(), of frames. */
static void show_frames(void (*draw)(int), int count, struct seen *seen)
{
    static uint8_t points[FRAMES + 1][ROWS * COLUMNS];
    struct glance glances[FRAMES + 1];
    CLEANUP(moments_free) struct moments *moments = moments_new();
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    size_t passed = 0;
    tracker_time_by(tracker, moments);
    for (int frame = 0; frame < count; frame++) {
        draw(frame);
        glance_at(points[passed]);
        glances[passed] = (struct glance){ frame * STEP_MS * 1000 / FRAMES, points[passed] };
        passed++;
        if (frame % FRAMES != 0)
            continue;
        const struct luma luma = draw_luma(&drawing);
        int64_t start_us = frame * STEP_MS * 1000 / FRAMES;
        moments_add(moments, COLUMNS, ROWS, glances, passed);
        assert_int_equal(tracker_look(tracker, &luma, start_us, start_us + STEP_MS * 1000), 0);
        take(tracker, seen);
        memcpy(points[0], points[passed - 1], sizeof(points[0]));
        glances[0] = (struct glance){ start_us, points[0] };
        passed = 1;
    }
    assert_int_equal(tracker_end(tracker), 0);
    take(tracker, seen);
}

static int first_frame; /* of what is shown for 40 frames */

static bool is_on(int frame)
{
    return frame >= first_frame && frame < first_frame + 40;
}
static void shown_on_flat(int frame)
{
    flat();
    if (is_on(frame))
        put(Y, "COMES AND GOES");
}
static void shown_on_leaves(int frame)
{
    draw_leaves(&drawing, 10, 150, frame * 5);
    if (is_on(frame))
        draw_outlined(&drawing, X, Y, SCALE, 240, 10, "COMES AND GOES");
}
static void shown_between_others(int frame)
{
    flat();
    put(Y, is_on(frame) ? "COMES AND GOES" : "ANOTHER TEXT");
}
static void shown_with_a_digit(int frame)
{
    flat();
    put(Y, is_on(frame) ? "ITEM NUMBER 4" : "ITEM NUMBER 1");
}

/* For ten frames each; it is on when it is half there. */
static void shown_by_fading(int frame)
{
    int in = frame - first_frame + 5, out = first_frame + 40 - frame + 5;
    int level = 40 + 19 * int_max(0, int_min(10, int_min(in, out)));
    flat();
    draw_text(&drawing, X, Y, SCALE, level, "COMES AND GOES");
}

static void test_times_are_those_of_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*draw)(int);
        size_t lines, line;
    } cases[] = {
        { "on flat", shown_on_flat, 1, 0 },
        { "on leaves", shown_on_leaves, 1, 0 },
        { "between others", shown_between_others, 3, 1 },
        { "with a digit", shown_with_a_digit, 3, 1 },
        { "by fading", shown_by_fading, 1, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (first_frame = 31; first_frame <= 35; first_frame++) {
            struct seen seen = { 0 };
            show_frames(cases[i].draw, 100, &seen);
            assert_int_equal(seen.count, cases[i].lines);
            int64_t start_us = first_frame * STEP_MS * 1000 / FRAMES;
            int64_t end_us = start_us + 40 * STEP_MS * 1000 / FRAMES;
            const struct tracker_line *line = &seen.lines[cases[i].line];
            int64_t near_us = cases[i].draw == shown_by_fading ? 2 * STEP_MS * 1000 / FRAMES : 0;
            if (!is_near(line->start_us, start_us, near_us) ||
                !is_near(line->end_us, end_us, near_us))
                fail_msg("%s, frame %d: from %d to %d", cases[i].name, first_frame,
                         (int)line->start_us, (int)line->end_us);
            release(&seen);
        }
}

/* A line comes, and before it was seen for long all move up by a row. */
static void shown_and_scrolls(int frame)
{
    static const char *const rows[] = { "SCROLL THE",  "LINES UP AS", "A TERMINAL",
                                        "DOES IT FOR", "NOW AGAIN",   "AND ONCE" };
    int up = frame >= first_frame + 4;
    flat();
    for (int row = 0; row < (frame >= first_frame ? 5 : 4); row++)
        put(20 + 32 * row, rows[row + up]);
}

static void test_times_of_lines_that_move(void **state)
{
    (void)state;
    for (first_frame = 31; first_frame <= 35; first_frame++) {
        struct seen seen = { 0 };
        int found = 0;
        show_frames(shown_and_scrolls, 100, &seen);
        for (size_t i = 0; i < seen.count; i++) {
            int frame = (int)(seen.lines[i].start_us * FRAMES / (STEP_MS * 1000));
            found += frame == first_frame && seen.lines[i].box.x + seen.lines[i].box.width < 210;
            if (frame != 0 && frame != first_frame && frame != first_frame + 4)
                fail_msg("frame %d: a line from frame %d on", first_frame, frame);
        }
        assert_int_equal(seen.count, 6);
        assert_int_equal(found, 1);
        release(&seen);
    }
}

/* ---- images ---- */

/* In a row through the middle of the letters, how often it becomes dark. */
static int strokes_of(const struct strip_image *image)
{
    int strokes = 0;
    const uint8_t *row = image->luma + (ptrdiff_t)(image->height / 2) * image->width;
    assert_true(row[0] > 200);
    for (int x = 1; x < image->width; x++)
        strokes += row[x] < 128 && row[x - 1] >= 128;
    return strokes;
}

static int strokes_drawn(const char *text)
{
    int strokes = 0;
    for (; *text; text++)
        for (int column = 0, before = 0; column < 5; column++) {
            int dot = draw_glyph(*text)[column] >> 3 & 1;
            strokes += dot && !before;
            before = dot;
        }
    return strokes;
}

static const struct {
    const char *name;
    void (*draw)(int);
    const char *text;
} images[] = {
    { "comes and goes", comes_and_goes, "COMES AND GOES" },
    { "dark on light", dark_on_light, "DARK LETTERS" },
    { "on leaves that move", on_leaves, "COMES AND GOES" },
    { "fades in", fades, "FADES IN" },
    { "grows", grows, "TYPED LETTERS" },
    { "rolls and stays", rolls_and_stays, "THE END OF IT" },
    { "rolls past", rolls_past, "THE END OF IT" },
};

/* Of a line that grows in the last pictures there is no image that has all of it; each of its parts
 * has one. */
static void grows_at_the_end(int picture)
{
    flat();
    put(Y, picture < 8 ? "A LINE" : "A LINE OF TEXT");
}

static void test_a_line_that_grows_at_the_end_is_not_lost(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    show(grows_at_the_end, 10, &seen);
    assert_int_equal(seen.count, 2);
    const struct rect whole = draw_extent(X, Y, SCALE, "A LINE OF TEXT");
    const struct rect both = rect_around(seen.lines[0].box, seen.lines[1].box);
    assert_true(abs(both.x - whole.x) <= 2 && abs(both.width - whole.width) <= 4);
    release(&seen);
}

/* What has just come, grown, or rolled in, and has no future. */
static void test_a_video_may_end_at_any_picture(void **state)
{
    (void)state;
    static void (*const all[])(int) = { comes_and_goes, grows,      grows_on_leaves,    scrolls,
                                        rolls,          rolls_down, rolls_beside_a_logo };
    for (size_t i = 0; i < COUNT(all); i++)
        for (int count = 1; count <= 24; count += count < 6 ? 1 : 3) {
            struct seen seen = { 0 };
            show(all[i], count, &seen);
            release(&seen);
        }
}

static void test_an_image_shows_the_whole_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(images); i++) {
        struct seen seen = { 0 };
        show(images[i].draw, 40, &seen);
        assert_int_equal(seen.count, 1);
        int strokes = strokes_of(&seen.lines[0].image);
        if (strokes != strokes_drawn(images[i].text))
            fail_msg("%s: %d strokes of %d", images[i].name, strokes,
                     strokes_drawn(images[i].text));
        release(&seen);
    }
}

/* ---- the rest of the contract ---- */

static void test_ids_count_up_in_the_order_in_which_lines_begin(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    show(two_zones, 18, &seen);
    for (size_t i = 0; i < seen.count; i++)
        for (size_t k = 0; k < seen.count; k++)
            if (i != k && seen.lines[i].start_us < seen.lines[k].start_us)
                assert_true(seen.lines[i].id < seen.lines[k].id);
            else
                assert_true(i == k || seen.lines[i].id != seen.lines[k].id);
    release(&seen);
}

static void test_another_size_ends_all(void **state)
{
    (void)state;
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    struct seen seen = { 0 };
    from_beginning_to_end(0);
    struct luma luma = draw_luma(&drawing);
    for (int picture = 0; picture < 10; picture++) {
        luma.height = picture < 5 ? DRAW_HEIGHT : DRAW_HEIGHT - 20;
        assert_int_equal(tracker_look(tracker, &luma, picture * 200000, (picture + 1) * 200000), 0);
    }
    take(tracker, &seen);
    assert_int_equal(seen.count, 1);
    assert_int_equal(tracker_end(tracker), 0);
    take(tracker, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.lines[0].end_us, 1000000);
    assert_int_equal(seen.lines[1].start_us, 1000000);
    release(&seen);
}

/* Lines that stand keep it back; else it is some seconds behind. */
static void test_from_when_lines_begin(void **state)
{
    (void)state;
    enum { CAME = 5, WENT = 80, PICTURES = 200, LATE_MS = 11000 };
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    struct seen seen = { 0 };
    for (int picture = 0; picture < PICTURES; picture++) {
        flat();
        if (picture >= CAME && picture < WENT)
            put(Y, "COMES AND GOES");
        const struct luma luma = draw_luma(&drawing);
        int64_t start_us = picture * STEP_MS * INT64_C(1000);
        assert_int_equal(tracker_look(tracker, &luma, start_us, start_us + STEP_MS * 1000), 0);
        if (picture == WENT) /* it has ended, and is still to be given */
            assert_true(tracker_from_us(tracker) <= CAME * STEP_MS * 1000);
        take(tracker, &seen);
        if (picture == WENT - 1)
            assert_in_range(tracker_from_us(tracker), (CAME - 1) * STEP_MS * 1000,
                            CAME * STEP_MS * 1000);
        if (picture > WENT + 2)
            assert_in_range(tracker_from_us(tracker), start_us - LATE_MS * 1000, start_us);
    }
    assert_int_equal(seen.count, 1);
    release(&seen);
}

static void test_what_was_not_taken_is_freed(void **state)
{
    (void)state;
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    for (int picture = 0; picture < 14; picture++) {
        two_zones(picture);
        const struct luma luma = draw_luma(&drawing);
        assert_int_equal(tracker_look(tracker, &luma, picture * 200000, (picture + 1) * 200000), 0);
    }
    struct tracker *never = NULL;
    tracker_free(&never);
}

/* A large picture is looked at in a smaller one, and read as it is. */
static void test_boxes_of_a_large_picture_are_in_its_pixels(void **state)
{
    (void)state;
    enum { TIMES = 8, WIDTH = DRAW_WIDTH * TIMES, HEIGHT = DRAW_HEIGHT * TIMES };
    CLEANUP(tracker_free) struct tracker *tracker = tracker_new();
    struct seen seen = { 0 };
    uint8_t *large = mem_zero(WIDTH, HEIGHT);
    flat();
    draw_text(&drawing, X, Y, 1, 230, "ALWAYS THERE");
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            large[y * WIDTH + x] = drawing.pixels[y / TIMES][x / TIMES];
    const struct luma luma = { large, WIDTH, HEIGHT, WIDTH };
    for (int picture = 0; picture < 4; picture++)
        assert_int_equal(tracker_look(tracker, &luma, picture * 200000, (picture + 1) * 200000), 0);
    assert_int_equal(tracker_end(tracker), 0);
    take(tracker, &seen);
    free(large);
    assert_int_equal(seen.count, 1);
    const struct rect *box = &seen.lines[0].box;
    struct rect drawn = draw_extent(X, Y, 1, "ALWAYS THERE");
    assert_in_range(box->x, drawn.x * TIMES - 8, drawn.x * TIMES + 8);
    assert_in_range(box->y, drawn.y * TIMES - 8, drawn.y * TIMES + 8);
    assert_in_range(box->width, drawn.width * TIMES - 16, drawn.width * TIMES + 16);
    assert_in_range(box->height, drawn.height * TIMES - 16, drawn.height * TIMES + 16);
    assert_int_equal(strokes_of(&seen.lines[0].image), strokes_drawn("ALWAYS THERE"));
    release(&seen);
}

/* A second tracker looks at planes of colour, half as large: of one text it leaves to the first one
 * what is plain there, and follows what is faint. */
static void colour_sees(int level, size_t wanted)
{
    enum { WIDTH = DRAW_WIDTH / 2, HEIGHT = DRAW_HEIGHT / 2 };
    CLEANUP(tracker_free) struct tracker *first = tracker_new();
    CLEANUP(tracker_free) struct tracker *second = tracker_new();
    struct seen seen = { 0 }, seen_first = { 0 };
    static uint8_t colour[HEIGHT][WIDTH];
    tracker_leave_to(second, first, 2);
    draw_flat(&drawing, 40);
    draw_text(&drawing, X, Y, SCALE, 230, "IN COLOUR");
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            colour[y][x] = drawing.pixels[2 * y][2 * x];
    draw_flat(&drawing, 40);
    draw_text(&drawing, X, Y, SCALE, level, "IN COLOUR");
    const struct luma luma = draw_luma(&drawing), half = { colour[0], WIDTH, HEIGHT, WIDTH };
    for (int picture = 0; picture < 5; picture++) {
        int64_t start_us = picture * INT64_C(200000);
        assert_int_equal(tracker_look(first, &luma, start_us, start_us + 200000), 0);
        assert_int_equal(tracker_look(second, &half, start_us, start_us + 200000), 0);
    }
    assert_int_equal(tracker_end(first), 0);
    assert_int_equal(tracker_end(second), 0);
    take(first, &seen_first);
    take(second, &seen);
    assert_int_equal(seen.count, wanted);
    release(&seen_first);
    release(&seen);
}

static void test_colour_is_for_what_is_faint(void **state)
{
    (void)state;
    colour_sees(230, 0);
    colour_sees(75, 1); /* some of its edges can be seen in the luma */
    colour_sees(45, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_have_their_times_and_places),
        cmocka_unit_test(test_colour_is_for_what_is_faint),
        cmocka_unit_test(test_times_are_those_of_frames),
        cmocka_unit_test(test_times_of_lines_that_move),
        cmocka_unit_test(test_what_rolls_does_not_disturb_what_stands_beside_it),
        cmocka_unit_test(test_a_line_that_grows_at_the_end_is_not_lost),
        cmocka_unit_test(test_a_video_may_end_at_any_picture),
        cmocka_unit_test(test_an_image_shows_the_whole_text),
        cmocka_unit_test(test_ids_count_up_in_the_order_in_which_lines_begin),
        cmocka_unit_test(test_another_size_ends_all),
        cmocka_unit_test(test_from_when_lines_begin),
        cmocka_unit_test(test_what_was_not_taken_is_freed),
        cmocka_unit_test(test_boxes_of_a_large_picture_are_in_its_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
