/* ocr.c - the text in an image, by Tesseract's C interface. All of Tesseract lives in this file.
 *
 * Memory of its own: an engine is loaded in warm, before the process forks, which is sound only
 * while it starts no thread. Tesseract's OpenMP threads are kept away by OMP_THREAD_LIMIT=1 in the
 * environment when this object is loaded (src/cli/main.c); nothing that is done here can do that.
 *
 * What Tesseract prints goes to debug_file, and that is /dev/null. It has to be set before Init,
 * which is when it complains most.
 *
 * An engine takes 200 ms to load, and 30 MiB. All that Init asks for are its languages, so it is
 * shared by all instances that want the same: of the pipelines that a worker warms before it forks,
 * a runner runs one. An instance that is warmed while others are open is one more of a step at work
 * on several threads, and gets an engine of its own.
 *
 * Engines are independent of each other but for the settings that Tesseract keeps for the process,
 * debug_file among them: Init puts all of these back to their defaults. So nobody reads while an
 * engine is loaded.
 *
 * Init is content when one of several languages can be loaded, so what was loaded is compared with
 * what was asked for. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "steps/common.h"
#include "steps/plausible.h"
#include "steps/vote.h"

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

struct engine {
    struct engine *next;
    char *languages; /* as Init takes them */
    TessBaseAPI *api;
    int holders;          /* instances */
    pthread_mutex_t turn; /* to read: two steps of a pipeline may share it */
};

struct ocr {
    struct takeup_host *host; /* NULL: it is not open */
    struct engine *engine;
    const struct params *params;
};

/* Held for writing while an engine is loaded or changes hands, for reading while one reads. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct engine *engines;
static int open_count; /* instances */

/* ---- loading ---- */

/* Names of files below tessdata, and they come from a job. */
static bool is_language(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-' && *at != '/')
            return false;
    return name[0] && name[0] != '/' && name[0] != '-';
}

/* Debian's package of a language: chi_sim is in tesseract-ocr-chi-sim. */
static void say_package(const char *language, char *out, size_t size)
{
    if (strchr(language, '/')) {
        (void)snprintf(out, size,
                       "apt-cache search tesseract-ocr-script; then apt-get install the "
                       "one for %s",
                       language);
        return;
    }
    int used = snprintf(out, size, "apt-get install tesseract-ocr-%s", language);
    for (int i = 0; i < used && (size_t)i < size; i++)
        out[i] = out[i] == '_' ? '-' : (char)tolower((unsigned char)out[i]);
}

static bool is_loaded(TessBaseAPI *engine, const char *language)
{
    char **loaded = TessBaseAPIGetLoadedLanguagesAsVector(engine);
    bool found = false;
    for (size_t i = 0; loaded && loaded[i]; i++)
        found |= strcmp(loaded[i], language) == 0;
    if (loaded)
        TessDeleteTextArray(loaded);
    return found;
}

static bool is_file(const char *directory, const char *language)
{
    const char *slash = str_has_suffix(directory, "/") ? "" : "/";
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s%s%s.traineddata", directory, slash, language);
    return access(path, R_OK) == 0;
}

static int say_missing(const char *language, const char *directory, struct takeup_why *why)
{
    why->failure = TAKEUP_FAIL_MISSING;
    if (is_file(directory, language)) {
        (void)snprintf(why->text, sizeof(why->text),
                       "Tesseract cannot load the language '%s' from '%s': the file is damaged, or "
                       "for another version",
                       language, directory);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "%s",
                       "install it again from the distribution's package");
        return -1;
    }
    (void)snprintf(why->text, sizeof(why->text),
                   "the language '%s' is not installed: no '%s.traineddata' in '%s'", language,
                   language, directory);
    say_package(language, why->what_to_do, sizeof(why->what_to_do));
    return -1;
}

/* The first of those asked for that is not there. */
static int say_which(const struct params *params, TessBaseAPI *engine, bool is_up,
                     struct takeup_why *why)
{
    const char *directory = TessBaseAPIGetDatapath(engine);
    if (!directory || !directory[0])
        directory = getenv("TESSDATA_PREFIX");
    directory = directory ? directory : "tessdata";
    const char *first = params->languages.items[0];
    for (size_t i = 0; i < params->languages.count; i++) {
        const char *language = params->languages.items[i];
        if (is_up ? !is_loaded(engine, language) : !is_file(directory, language))
            return say_missing(language, directory, why);
    }
    return is_up ? 0 : say_missing(first, directory, why);
}

static int check_languages(const struct takeup_strings *languages, struct takeup_why *why)
{
    for (size_t i = 0; i < languages->count; i++) {
        if (is_language(languages->items[i]))
            continue;
        why->failure = TAKEUP_FAIL_CONFIG;
        (void)snprintf(why->text, sizeof(why->text), "'%.100s' is not the name of a language",
                       languages->items[i]);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "%s",
                       "`tesseract --list-langs` lists those that are installed; name several as a "
                       "list, [eng, deu]");
        return -1;
    }
    return 0;
}

static char *join_languages(const struct takeup_strings *languages)
{
    struct str joined = { 0 };
    for (size_t i = 0; i < languages->count; i++) {
        str_add(&joined, i ? "+" : "");
        str_add(&joined, languages->items[i]);
    }
    return str_take(&joined);
}

static int load(TessBaseAPI *api, const char *languages, const struct params *params,
                struct takeup_why *why)
{
    (void)TessBaseAPISetVariable(api, "debug_file", "/dev/null");
    bool is_up = TessBaseAPIInit3(api, NULL, languages) == 0;
    if (say_which(params, api, is_up, why) < 0)
        return -1;
    (void)TessBaseAPISetVariable(api, "debug_file", "/dev/null");
    /* The letters are dark already (reading/strip.h). */
    (void)TessBaseAPISetVariable(api, "tessedit_do_invert", "0");
    return 0;
}

/* ---- engines ---- the lock is held for writing */

/* NULL: it cannot be loaded. */
static struct engine *engine_new(const char *languages, const struct params *params,
                                 struct takeup_why *why)
{
    TessBaseAPI *api = TessBaseAPICreate();
    if (load(api, languages, params, why) < 0) {
        TessBaseAPIDelete(api);
        return NULL;
    }
    struct engine *engine = MEM_NEW(struct engine);
    *engine = (struct engine){ .next = engines, .languages = mem_strdup(languages), .api = api };
    (void)pthread_mutex_init(&engine->turn, NULL);
    engines = engine;
    return engine;
}

/* NULL: there is none to be shared. */
static struct engine *engine_find(const char *languages)
{
    struct engine *engine = open_count == 0 ? engines : NULL;
    while (engine && strcmp(engine->languages, languages) != 0)
        engine = engine->next;
    return engine;
}

static void engine_drop(struct engine *engine)
{
    if (--engine->holders > 0)
        return;
    struct engine **at = &engines;
    while (*at != engine)
        at = &(*at)->next;
    *at = engine->next;
    TessBaseAPIDelete(engine->api);
    (void)pthread_mutex_destroy(&engine->turn);
    free(engine->languages);
    free(engine);
}

/* ---- an instance ---- */

static int ocr_warm(void *self, const void *params_, struct takeup_why *why)
{
    const struct params *params = params_;
    if (check_languages(&params->languages, why) < 0)
        return -1;
    CLEANUP(mem_free_text) char *languages = join_languages(&params->languages);
    (void)pthread_rwlock_wrlock(&lock);
    struct engine *engine = engine_find(languages);
    if (!engine)
        engine = engine_new(languages, params, why);
    if (engine)
        engine->holders++;
    (void)pthread_rwlock_unlock(&lock);
    ((struct ocr *)self)->engine = engine;
    return engine ? 0 : -1;
}

static int ocr_open(void *self, const void *params, struct takeup_host *host)
{
    struct ocr *ocr = self;
    struct takeup_why why = { 0 };
    if (!ocr->engine && ocr_warm(self, params, &why) < 0)
        return host->fail(host, why.failure, why.what_to_do, "%s", why.text);
    ocr->host = host;
    ocr->params = params;
    (void)pthread_rwlock_wrlock(&lock);
    open_count++;
    (void)pthread_rwlock_unlock(&lock);
    return 0;
}

static void ocr_close(void *self)
{
    struct ocr *ocr = self;
    (void)pthread_rwlock_wrlock(&lock);
    open_count -= ocr->host ? 1 : 0;
    if (ocr->engine)
        engine_drop(ocr->engine);
    (void)pthread_rwlock_unlock(&lock);
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
    size_t size = 0;
    for (;;) {
        struct takeup_word word;
        if (word_get(page, at, &word)) {
            if (line.count == size) {
                size = size ? 2 * size : 8;
                line.words = mem_resize(line.words, size, sizeof(*line.words));
            }
            line.words[line.count++] = word;
        }
        if (TessPageIteratorIsAtFinalElement(place, RIL_TEXTLINE, RIL_WORD) ||
            !TessResultIteratorNext(at, RIL_WORD))
            return line;
    }
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
    int fd = openat(ocr->host->output_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
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
    TessBaseAPI *api = ocr->engine->api;
    (void)pthread_mutex_lock(&ocr->engine->turn);
    (void)pthread_rwlock_rdlock(&lock);
    TessBaseAPISetPageSegMode(api, (TessPageSegMode)ocr->params->page_mode);
    TessBaseAPISetImage(api, crop->luma, crop->width, crop->height, 1, crop->stride);
    int r = read_page(api, &page, reading);
    if (r == 0) {
        keep_text(ocr, reading);
        read_again(api, crop, reading);
    }
    (void)pthread_rwlock_unlock(&lock);
    (void)pthread_mutex_unlock(&ocr->engine->turn);
    return r;
}

static int ocr_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct ocr *ocr = self;
    const struct takeup_crop *crop = (const struct takeup_crop *)item;
    struct reading *reading = reading_new(crop);
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
