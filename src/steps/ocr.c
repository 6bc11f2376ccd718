/* ocr.c - the text in an image, by Tesseract's C interface, of which nobody but this file and
 * ocr_engine.c know. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "steps/common.h"
#include "steps/ocr_engine.h"
#include "steps/plausible.h"
#include "steps/spaces.h"
#include "steps/vote.h"

#include <leptonica/allheaders.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SURE 0.95F  /* a line of less confidence is read again, */
#define LARGER 1.3F /* so many times as large */

enum {
    SIDE_MIN = 10,     /* pixels; a smaller image holds no letter */
    CONTRAST_MIN = 24, /* between the darkest and the brightest pixel; less is a blank image */
};

struct params {
    struct takeup_strings languages;
    int64_t page_mode;
    double min_confidence;
    bool keep_images;
};

static const struct takeup_param table[] = {
    { "languages", TAKEUP_TYPE_STRINGS, offsetof(struct params, languages), "[eng]", 1, 16, NULL,
      "Tesseract's names of the languages, the likeliest first" },
    { "page_mode", TAKEUP_TYPE_INT, offsetof(struct params, page_mode), "7", 3, 13, NULL,
      "Tesseract's page segmentation: 3 finds text by itself, 6 one block, 7 one line" },
    { "min_confidence", TAKEUP_TYPE_REAL, offsetof(struct params, min_confidence), "0.6", 0, 1,
      NULL, "lines of less confidence are dropped; short ones need more" },
    { "keep_images", TAKEUP_TYPE_BOOL, offsetof(struct params, keep_images), "false", 0, 0, NULL,
      "write each image that was read, named by its time; segments tell theirs" },
    { 0 },
};

struct ocr {
    struct takeup_host *host; /* NULL: it is not open */
    struct engine *engine;
    const struct params *params;
};

/* ---- an instance ---- */

static int ocr_warm(void *self, const void *params_, struct takeup_why *why)
{
    const struct params *params = params_;
    return engine_take(&params->languages, why, &((struct ocr *)self)->engine);
}

static int ocr_open(void *self, const void *params, struct takeup_host *host)
{
    struct ocr *ocr = self;
    struct takeup_why why = { 0 };
    if (!ocr->engine && ocr_warm(self, params, &why) < 0)
        return host->fail(host, why.failure, why.what_to_do, "%s", why.text);
    ocr->host = host;
    ocr->params = params;
    engine_open();
    return 0;
}

static void ocr_close(void *self)
{
    struct ocr *ocr = self;
    engine_leave(&ocr->engine, ocr->host != NULL);
    *ocr = (struct ocr){ 0 };
}

/* ---- lines ---- */

struct reading {
    struct takeup_lines item; /* first: it is the item */
    struct takeup_line *lines;
    size_t size;
    char *image; /* the file's name; NULL: not kept */
};

static void line_release(struct takeup_line *line)
{
    for (size_t i = 0; i < line->word_count; i++)
        free((char *)line->words[i].text);
    free((void *)line->words);
    free((char *)line->text);
    free((char *)line->image);
}

static void reading_free(struct takeup_item *item)
{
    struct reading *reading = (struct reading *)item;
    for (size_t i = 0; i < reading->item.count; i++)
        line_release(&reading->lines[i]);
    free(reading->lines);
    free(reading->image);
    free(reading);
}

/* What one of several inputs says of what it will bring does not hold for the others. */
static uintptr_t from_ms(const struct ocr *ocr, const struct takeup_crop *crop)
{
    return ocr->host->inputs > 1 ? 0 : crop->from_ms;
}

static struct reading *reading_new(const struct takeup_crop *crop)
{
    struct reading *reading = MEM_NEW(struct reading);
    reading->item.item = (struct takeup_item){ .port = TAKEUP_PORT_LINES,
                                               .references = 1,
                                               .start_us = crop->item.start_us,
                                               .end_us = crop->item.end_us,
                                               .free = reading_free };
    reading->item.region = crop->region;
    reading->item.flags = crop->flags;
    reading->item.box = crop->box;
    reading->item.frame_width = crop->frame_width;
    reading->item.frame_height = crop->frame_height;
    return reading;
}

static void reading_add(struct reading *reading, const struct takeup_line *line)
{
    if (reading->item.count == reading->size) {
        reading->size = reading->size ? 2 * reading->size : 8;
        reading->lines = mem_resize(reading->lines, reading->size, sizeof(*reading->lines));
    }
    reading->lines[reading->item.count++] = *line;
    reading->item.lines = reading->lines;
}

/* What is given to Tesseract: a crop, at its own size or at another. */
struct page {
    const struct takeup_crop *crop;
    int width, height;
};

/* From the image's pixels to the frame's. */
static struct takeup_box box_in_frame(const struct page *page, int left, int top, int right,
                                      int bottom)
{
    const struct takeup_box *box = &page->crop->box;
    int x0 = (int)((int64_t)left * box->width / page->width);
    int y0 = (int)((int64_t)top * box->height / page->height);
    int x1 = (int)((int64_t)right * box->width / page->width);
    int y1 = (int)((int64_t)bottom * box->height / page->height);
    return (struct takeup_box){ box->x + x0, box->y + y0, x1 - x0, y1 - y0 };
}

/* Its letters' places: how far the word goes, and its widest gap. */
static struct extent extent_of(const struct page *page, const TessResultIterator *word)
{
    struct extent extent = { 0 };
    int left, top, right, bottom, before = 0;
    size_t bytes = 0;
    TessResultIterator *at = TessResultIteratorCopy(word);
    const TessPageIterator *place = TessResultIteratorGetPageIteratorConst(at);
    (void)TessPageIteratorBoundingBox(place, RIL_WORD, &extent.left, &top, &extent.right, &bottom);
    do {
        char *text = TessResultIteratorGetUTF8Text(at, RIL_SYMBOL);
        bool has_box = TessPageIteratorBoundingBox(place, RIL_SYMBOL, &left, &top, &right, &bottom);
        if (has_box && bytes > 0 && left - before > extent.gap_right - extent.gap_left) {
            extent.gap_left = before;
            extent.gap_right = left;
            extent.gap_at = bytes;
        }
        before = has_box ? right : before;
        bytes += text ? strlen(text) : 0;
        if (text)
            TessDeleteText(text);
    } while (!TessPageIteratorIsAtFinalElement(place, RIL_WORD, RIL_SYMBOL) &&
             TessResultIteratorNext(at, RIL_SYMBOL));
    TessResultIteratorDelete(at);
    const struct takeup_box gap = box_in_frame(page, extent.gap_left, 0, extent.gap_right, 0);
    extent.cut_left = gap.x;
    extent.cut_right = gap.x + gap.width;
    return extent;
}

/* The word under the iterator; false when there is none. */
static bool word_get(const struct page *page, const TessResultIterator *at,
                     struct takeup_word *ret_word)
{
    int left, top, right, bottom;
    float confidence = TessResultIteratorConfidence(at, RIL_WORD) / 100;
    if (!TessPageIteratorBoundingBox(TessResultIteratorGetPageIteratorConst(at), RIL_WORD, &left,
                                     &top, &right, &bottom))
        return false;
    char *text = TessResultIteratorGetUTF8Text(at, RIL_WORD);
    bool has_text = text && text[strspn(text, " \n")];
    if (has_text)
        *ret_word = (struct takeup_word){ .text = str_utf8_clean(text, strlen(text)),
                                          .confidence = confidence < 1 ? confidence : 1,
                                          .box = box_in_frame(page, left, top, right, bottom) };
    if (text)
        TessDeleteText(text);
    return has_text;
}

/* Reads the line at which the iterator stands, and leaves it at the last word of it. */
static struct ballot read_line(const struct page *page, TessResultIterator *at)
{
    const TessPageIterator *place = TessResultIteratorGetPageIteratorConst(at);
    struct ballot line = { 0 };
    struct extent *extents = NULL;
    size_t size = 0;
    for (;;) {
        struct takeup_word word;
        if (word_get(page, at, &word)) {
            if (line.count == size) {
                size = size ? 2 * size : 8;
                line.words = mem_resize(line.words, size, sizeof(*line.words));
                extents = mem_resize(extents, size, sizeof(*extents));
            }
            extents[line.count] = extent_of(page, at);
            line.words[line.count++] = word;
        }
        if (TessPageIteratorIsAtFinalElement(place, RIL_TEXTLINE, RIL_WORD) ||
            !TessResultIteratorNext(at, RIL_WORD))
            break;
    }
    spaces_add(&line, extents);
    free(extents);
    return line;
}

static void box_grow(struct takeup_box *box, const struct takeup_box *by)
{
    int right = box->x + box->width, bottom = box->y + box->height;
    right = right > by->x + by->width ? right : by->x + by->width;
    bottom = bottom > by->y + by->height ? bottom : by->y + by->height;
    box->x = box->x < by->x ? box->x : by->x;
    box->y = box->y < by->y ? box->y : by->y;
    box->width = right - box->x;
    box->height = bottom - box->y;
}

/* Text, box and confidence from the words, which it takes over. */
static struct takeup_line line_of(const struct ballot *words)
{
    struct takeup_line line = { .words = words->words, .word_count = words->count };
    struct str text = { 0 };
    for (size_t i = 0; i < words->count; i++) {
        const struct takeup_word *word = &words->words[i];
        str_add(&text, i ? " " : "");
        str_add(&text, word->text);
        line.confidence += word->confidence / (float)words->count;
        if (i == 0)
            line.box = word->box;
        box_grow(&line.box, &word->box);
    }
    line.text = str_take(&text);
    return line;
}

/* The two are readings of one line: of each word the surer one stays. */
static void reading_vote(struct takeup_line *line, struct takeup_line *other)
{
    struct ballot words = { (struct takeup_word *)line->words, line->word_count };
    struct ballot others = { (struct takeup_word *)other->words, other->word_count };
    vote(&words, &others);
    const char *image = line->image;
    free((char *)line->text);
    free((char *)other->text);
    *line = line_of(&words);
    *other = line_of(&others);
    line->image = image;
}

/* ---- what is text ---- */

static void tell_dropped(const struct ocr *ocr, const struct reading *reading,
                         const struct takeup_line *line, const char *why)
{
    struct takeup_segment dropped = { .item = reading->item.item,
                                      .text = line->text,
                                      .confidence = line->confidence,
                                      .box = line->box,
                                      .frame_width = reading->item.frame_width,
                                      .frame_height = reading->item.frame_height };
    if (line->word_count > 0)
        ocr->host->drop(ocr->host, &dropped, why);
}

/* Else the host is told why not. */
static bool is_text(const struct ocr *ocr, const struct reading *reading,
                    const struct takeup_line *line)
{
    double least = plausible_least(line->text, ocr->params->min_confidence);
    if (!plausible_has_letter(line->text)) {
        tell_dropped(ocr, reading, line, "it has no letter");
        return false;
    }
    if (line->confidence >= least)
        return true;
    CLEANUP(mem_free_text) char *why = mem_printf("its confidence is below %.3g", least);
    tell_dropped(ocr, reading, line, why);
    return false;
}

static void keep_text(const struct ocr *ocr, struct reading *reading)
{
    size_t kept = 0;
    for (size_t i = 0; i < reading->item.count; i++) {
        struct takeup_line *line = &reading->lines[i];
        if (!is_text(ocr, reading, line)) {
            line_release(line);
            continue;
        }
        line->image = reading->image ? mem_strdup(reading->image) : NULL;
        reading->lines[kept++] = *line;
    }
    reading->item.count = kept;
}

/* ---- images ---- */

static bool is_blank(const struct takeup_crop *crop)
{
    uint8_t least = 255, most = 0;
    if (crop->width < SIDE_MIN || crop->height < SIDE_MIN)
        return true;
    for (int y = 0; y < crop->height; y++) {
        const uint8_t *row = crop->luma + (ptrdiff_t)y * crop->stride;
        for (int x = 0; x < crop->width; x++) {
            least = row[x] < least ? row[x] : least;
            most = row[x] > most ? row[x] : most;
        }
        if (most - least >= CONTRAST_MIN)
            return false;
    }
    return true;
}

static PIX *pix_of(const struct takeup_crop *crop)
{
    PIX *pix = pixCreate(crop->width, crop->height, 8);
    for (int y = 0; pix && y < crop->height; y++)
        for (int x = 0; x < crop->width; x++)
            (void)pixSetPixel(pix, x, y, crop->luma[(ptrdiff_t)y * crop->stride + x]);
    return pix;
}

/* 00-01-02.345-17.png: when it begins, and the number of its region. */
static char *image_name(const struct takeup_crop *crop)
{
    long long ms = crop->item.start_us > 0 ? (crop->item.start_us + 500) / 1000 : 0;
    return mem_printf("%02lld-%02lld-%02lld.%03lld-%llu.png", ms / 3600000, ms / 60000 % 60,
                      ms / 1000 % 60, ms % 1000, (unsigned long long)crop->region);
}

/* Beside the results, so that a reading can be checked. One that cannot be written is no reason to
 * end the run; then NULL, else its name. */
static char *keep_image(struct ocr *ocr, const struct takeup_crop *crop)
{
    PIX *pix = pix_of(crop);
    l_uint8 *bytes = NULL;
    size_t size = 0;
    CLEANUP(mem_free_text)
    char *name = image_name(crop);
    CLEANUP(fs_close)
    int fd = openat(ocr->host->output_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
    bool is_kept = pix && fd >= 0 && pixWriteMemPng(&bytes, &size, pix, 0) == 0 &&
                   fs_write_all(fd, (const char *)bytes, size) >= 0;
    free(bytes);
    pixDestroy(&pix);
    if (is_kept)
        return TAKE(name);
    ocr->host->warn(ocr->host, "'%s' cannot be written", name);
    return NULL;
}

/* Adds the lines of the image that was set. Below 0: Tesseract failed. */
static int read_page(TessBaseAPI *api, const struct page *page, struct reading *reading)
{
    /* A video has none; unless told, Tesseract guesses one and warns that it did. */
    TessBaseAPISetSourceResolution(api, 300);
    int r = TessBaseAPIRecognize(api, NULL);
    TessResultIterator *at = r == 0 ? TessBaseAPIGetIterator(api) : NULL;
    while (at) {
        struct ballot words = read_line(page, at);
        struct takeup_line line = line_of(&words);
        reading_add(reading, &line);
        if (TessResultIteratorNext(at, RIL_WORD))
            continue;
        TessResultIteratorDelete(at);
        at = NULL;
    }
    TessBaseAPIClear(api);
    return r;
}

/* A line of which Tesseract is not sure is read once more at another size, where other letters are
 * easy. */
static void read_again(TessBaseAPI *api, const struct takeup_crop *crop, struct reading *reading)
{
    if (reading->item.count != 1 || reading->lines[0].confidence >= SURE)
        return;
    PIX *pix = pix_of(crop), *larger = pix ? pixScale(pix, LARGER, LARGER) : NULL;
    pixDestroy(&pix);
    if (!larger)
        return;
    TessBaseAPISetImage2(api, larger);
    struct reading *other = reading_new(crop);
    const struct page page = { crop, pixGetWidth(larger), pixGetHeight(larger) };
    if (read_page(api, &page, other) == 0 && other->item.count == 1)
        reading_vote(&reading->lines[0], &other->lines[0]);
    takeup_item_unref(other);
    pixDestroy(&larger);
}

static int read_crop(const struct ocr *ocr, const struct takeup_crop *crop, struct reading *reading)
{
    const struct page page = { crop, crop->width, crop->height };
    TessBaseAPI *api = engine_begin(ocr->engine);
    TessBaseAPISetPageSegMode(api, (TessPageSegMode)ocr->params->page_mode);
    TessBaseAPISetImage(api, crop->luma, crop->width, crop->height, 1, crop->stride);
    int r = read_page(api, &page, reading);
    if (r == 0) {
        keep_text(ocr, reading);
        read_again(api, crop, reading);
    }
    engine_end(ocr->engine);
    return r;
}

static int ocr_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct ocr *ocr = self;
    const struct takeup_crop *crop = (const struct takeup_crop *)item;
    struct reading *reading = reading_new(crop);
    reading->item.from_ms = from_ms(ocr, crop);
    if (is_blank(crop))
        return takeup_emit(output, reading);
    ocr->host->count(ocr->host, TAKEUP_COUNT_FRAMES_READ, 1);
    if (ocr->params->keep_images)
        reading->image = keep_image(ocr, crop);
    if (read_crop(ocr, crop, reading) == 0)
        return takeup_emit(output, reading);
    takeup_item_unref(reading);
    return ocr->host->fail(ocr->host, TAKEUP_FAIL_BUG, NULL,
                           "Tesseract failed on an image of %dx%d at %.3f s", crop->width,
                           crop->height, (double)item->start_us / 1e6);
}

const struct takeup_step step_ocr = {
    .name = "ocr",
    .help = "lines of text in an image, by Tesseract",
    .takes = TAKEUP_PORT_CROP,
    .gives = TAKEUP_PORT_LINES,
    .flags = TAKEUP_PARALLEL,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct ocr),
    .warm = ocr_warm,
    .open = ocr_open,
    .feed = ocr_feed,
    .close = ocr_close,
};
