/* Pictures of a stranger, where text is looked for in them. Their planes are exactly as large as
 * they say. The bytes are a little film:
 *
 *     WIDTH HEIGHT STRIDE     of the first picture: 1 to 160, 1 to 96 pixels, 0 to 7 more a row
 *     PIXELS                  of the first picture, row by row; what is missing is gray
 *     then a picture for each of: 0 the same; 1 DOWN and 2 RIGHT all moves; 3 X Y W H LEVEL a box
 * is painted; 4 WIDTH HEIGHT another size; 5 inverted; 6 N noise of so many pixels; 7 a cut to
 * gray; 8 the first picture again. */
#include "fuzz.h"

#include "base/mem.h"
#include "reading/moments.h"
#include "reading/stills.h"
#include "reading/ticker.h"
#include "reading/tracker.h"

#include <string.h>

enum { WIDTH_MAX = 160, HEIGHT_MAX = 96, PICTURES_MAX = 16, PICTURE_US = 200000, GRAY = 128 };

struct bytes {
    const uint8_t *data;
    size_t size;
};

static int take_byte(struct bytes *bytes)
{
    if (bytes->size == 0)
        return 0;
    bytes->size--;
    return *bytes->data++;
}

/* ---- the film ---- */

struct picture {
    uint8_t pixels[HEIGHT_MAX][WIDTH_MAX];
    int width, height, more;
};

static void take_size(struct picture *picture, struct bytes *bytes)
{
    picture->width = 1 + take_byte(bytes) % WIDTH_MAX;
    picture->height = 1 + take_byte(bytes) % HEIGHT_MAX;
}

static void move(struct picture *picture, int down, int right)
{
    const struct picture from = *picture;
    for (int y = 0; y < HEIGHT_MAX; y++)
        for (int x = 0; x < WIDTH_MAX; x++)
            picture->pixels[y][x] = from.pixels[(y + HEIGHT_MAX - down) % HEIGHT_MAX]
                                               [(x + WIDTH_MAX - right) % WIDTH_MAX];
}

static void paint(struct picture *picture, struct bytes *bytes)
{
    int left = take_byte(bytes) % WIDTH_MAX, top = take_byte(bytes) % HEIGHT_MAX;
    int right = left + take_byte(bytes), bottom = top + take_byte(bytes);
    int level = take_byte(bytes);
    for (int y = top; y < bottom && y < HEIGHT_MAX; y++)
        for (int x = left; x < right && x < WIDTH_MAX; x++)
            picture->pixels[y][x] = (uint8_t)level;
}

static void invert(struct picture *picture)
{
    for (int y = 0; y < HEIGHT_MAX; y++)
        for (int x = 0; x < WIDTH_MAX; x++)
            picture->pixels[y][x] = (uint8_t)(255 - picture->pixels[y][x]);
}

static void add_noise(struct picture *picture, int count)
{
    uint32_t state = (uint32_t)count + 1;
    for (int i = 0; i < count * 8; i++) {
        state = state * 1664525 + 1013904223;
        uint8_t *pixel = &picture->pixels[(state >> 8) % HEIGHT_MAX][(state >> 16) % WIDTH_MAX];
        *pixel = (uint8_t)(state >> 24);
    }
}

static void next_picture(struct picture *picture, const struct picture *first, struct bytes *bytes)
{
    switch (take_byte(bytes) % 9) {
    case 1:
        move(picture, take_byte(bytes) % HEIGHT_MAX, 0);
        break;
    case 2:
        move(picture, 0, take_byte(bytes) % WIDTH_MAX);
        break;
    case 3:
        paint(picture, bytes);
        break;
    case 4:
        take_size(picture, bytes);
        break;
    case 5:
        invert(picture);
        break;
    case 6:
        add_noise(picture, take_byte(bytes));
        break;
    case 7:
        memset(picture->pixels, GRAY, sizeof(picture->pixels));
        break;
    case 8:
        *picture = *first;
        break;
    default:
        break;
    }
}

static void first_picture(struct picture *picture, struct bytes *bytes)
{
    memset(picture->pixels, GRAY, sizeof(picture->pixels));
    take_size(picture, bytes);
    picture->more = take_byte(bytes) % 8;
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width && bytes->size; x++)
            picture->pixels[y][x] = (uint8_t)take_byte(bytes);
}

/* Ends with the last pixel, so that a row that is read on is seen. */
static uint8_t *plane_new(const struct picture *picture, struct luma *ret_luma)
{
    int stride = picture->width + picture->more;
    size_t size = (size_t)stride * (size_t)(picture->height - 1) + (size_t)picture->width;
    uint8_t *plane = malloc(size);
    MUST(plane);
    memset(plane, 0, size);
    for (int y = 0; y < picture->height; y++)
        memcpy(plane + (size_t)y * (size_t)stride, picture->pixels[y], (size_t)picture->width);
    *ret_luma = (struct luma){ plane, picture->width, picture->height, stride };
    return plane;
}

/* ---- who looks ---- */

enum { TRACKERS = 2 }; /* the second leaves to the first, as a plane of colour does */

struct eyes {
    struct tracker *trackers[TRACKERS];
    struct stills *stills;
    struct ticker *ticker;
    struct moments *moments;
    uint8_t *glance; /* of the picture before */
    int glance_columns, glance_rows;
};

static void eyes_open(struct eyes *eyes)
{
    *eyes =
        (struct eyes){ .stills = stills_new(), .ticker = ticker_new(), .moments = moments_new() };
    for (int i = 0; i < TRACKERS; i++) {
        eyes->trackers[i] = tracker_new();
        tracker_time_by(eyes->trackers[i], eyes->moments);
    }
    tracker_leave_to(eyes->trackers[1], eyes->trackers[0], 1);
}

static void eyes_close(struct eyes *eyes)
{
    for (int i = 0; i < TRACKERS; i++)
        tracker_free(&eyes->trackers[i]);
    stills_free(&eyes->stills);
    ticker_free(&eyes->ticker);
    moments_free(&eyes->moments);
    free(eyes->glance);
}

static void check_lines(struct tracker *tracker)
{
    struct tracker_line line;
    while (tracker_next(tracker, &line)) {
        MUST(line.start_us <= line.end_us);
        MUST(line.box.x >= 0 && line.box.y >= 0 && line.box.width > 0 && line.box.height > 0);
        MUST(line.box.x + line.box.width <= WIDTH_MAX &&
             line.box.y + line.box.height <= HEIGHT_MAX);
        MUST(line.image.luma && line.image.width > 0 && line.image.height > 0);
        (void)letters_make_text(&line.image.letters);
        strip_image_release(&line.image);
    }
}

/* Each second pixel, as media_glance would. */
static void glance_at(struct eyes *eyes, const struct picture *picture, int64_t start_us)
{
    int columns = (picture->width + 1) / 2, rows = (picture->height + 1) / 2;
    uint8_t *luma = malloc((size_t)columns * (size_t)rows);
    MUST(luma);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            luma[y * columns + x] = picture->pixels[2 * y][2 * x];
    bool is_alike = eyes->glance_columns == columns && eyes->glance_rows == rows;
    const struct glance glances[] = { { start_us - PICTURE_US, eyes->glance },
                                      { start_us - PICTURE_US / 2, luma },
                                      { start_us, luma } };
    moments_add(eyes->moments, columns, rows, glances, is_alike ? 3 : 0);
    free(eyes->glance);
    eyes->glance = luma;
    eyes->glance_columns = columns;
    eyes->glance_rows = rows;
}

static void look(struct eyes *eyes, const struct picture *picture, int number)
{
    int64_t start_us = (int64_t)number * PICTURE_US, end_us = start_us + PICTURE_US;
    struct stills_news news = { 0 };
    struct rect rows;
    struct luma luma;
    uint8_t *plane = plane_new(picture, &luma);
    glance_at(eyes, picture, start_us);
    for (int i = 0; i < TRACKERS; i++) {
        MUST(tracker_look(eyes->trackers[i], &luma, start_us, end_us) == 0);
        check_lines(eyes->trackers[i]);
    }
    MUST(stills_look(eyes->stills, &luma, start_us, end_us, &news) == 0);
    MUST(!news.has_ended || news.start_us <= news.end_us);
    /* It compares three pictures each four seconds. */
    MUST(ticker_look(eyes->ticker, &luma, start_us * 10, &rows) >= 0);
    free(plane);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = { data, size };
    struct eyes eyes;
    struct picture first;
    struct stills_news news = { 0 };
    first_picture(&first, &bytes);
    struct picture picture = first;
    eyes_open(&eyes);
    look(&eyes, &picture, 0);
    for (int i = 1; i < PICTURES_MAX && bytes.size; i++) {
        next_picture(&picture, &first, &bytes);
        look(&eyes, &picture, i);
    }
    for (int i = 0; i < TRACKERS; i++) {
        MUST(tracker_end(eyes.trackers[i]) == 0);
        check_lines(eyes.trackers[i]);
    }
    stills_end(eyes.stills, &news);
    eyes_close(&eyes);
    return 0;
}
