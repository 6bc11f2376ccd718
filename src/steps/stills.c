/* stills.c - the pages of a presentation as pictures: a file and a segment without text for each.
 *
 * The picture of a page is the last but one that showed it, since a page that ends has often begun
 * to fade in the last. Two frames are kept for that, and no more.
 *
 * A picture came up with the first frame that is more like it than like the one looked at before.
 */
#include "reading/stills.h"

#include "base/fs.h"
#include "base/mem.h"
#include "media/picture.h"
#include "steps/common.h"

#include <stdlib.h>
#include <string.h>

struct params {
    const char *name, *format;
    int64_t min_us;
};

static const struct takeup_param table[] = {
    { "name", TAKEUP_TYPE_TEXT, offsetof(struct params, name), "slide", 0, 0, NULL,
      "what the files are called: slide-001.png" },
    { "format", TAKEUP_TYPE_TEXT, offsetof(struct params, format), "png", 0, 0, "png|jpg",
      "of the files" },
    { "min_time", TAKEUP_TYPE_TIME, offsetof(struct params, min_us), "1", 0, 1e7, NULL,
      "a picture that holds still for less is no page" },
    { 0 },
};

struct watch {
    struct takeup_host *host;
    const struct params *params;
    struct stills *stills;
    struct moments *moments;
    struct takeup_frame *shown, *next; /* of the page; next is put off until another comes */
    int pages;
};

static int watch_open(void *self, const void *params, struct takeup_host *host)
{
    struct watch *watch = self;
    watch->host = host;
    watch->params = params;
    watch->stills = stills_new();
    watch->moments = moments_new();
    return step_check_name(host, watch->params->name, "slide");
}

/* ---- the frames of a page ---- */

static void drop(struct takeup_frame **frame)
{
    takeup_item_unref(*frame);
    *frame = NULL;
}

static void keep(struct watch *watch, const struct takeup_frame *frame)
{
    takeup_item_unref(watch->shown);
    watch->shown = watch->next;
    watch->next = takeup_item_ref((void *)(uintptr_t)frame);
}

/* ---- pages ---- */

static char *page_name(const struct watch *watch)
{
    return mem_printf("%s-%03d.%s", watch->params->name, watch->pages + 1, watch->params->format);
}

static int write_picture(struct watch *watch, const struct takeup_frame *frame, const char *name)
{
    enum picture_format format =
        strcmp(watch->params->format, "png") == 0 ? PICTURE_PNG : PICTURE_JPEG;
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct err err = { 0 };
    int r = picture_encode(frame, format, &bytes, &size, &err);
    if (r == 0)
        r = fs_write_file(watch->host->output_dir, name, bytes, size, FS_NEW, &err);
    free(bytes);
    return r < 0 ? step_fail(watch->host, &err) : 0;
}

struct page {
    struct takeup_segment segment; /* first: it is the item */
    char *images[2];
};

static void page_free(struct takeup_item *item)
{
    struct page *page = (struct page *)item;
    free(page->images[0]);
    free(page);
}

static struct takeup_segment *page_new(const struct takeup_frame *frame,
                                       const struct stills_news *news, const char *name)
{
    struct page *page = MEM_NEW(struct page);
    page->images[0] = mem_strdup(name);
    page->segment = (struct takeup_segment){
        .item = { .port = TAKEUP_PORT_SEGMENTS,
                  .references = 1,
                  .start_us = news->start_us,
                  .end_us = news->end_us,
                  .free = page_free },
        .text = "",
        .box = { 0, 0, frame->width, frame->height },
        .frame_width = frame->width,
        .frame_height = frame->height,
        .images = (const char *const *)page->images,
    };
    return &page->segment;
}

static int end_page(struct watch *watch, const struct stills_news *news,
                    struct takeup_output *output)
{
    const struct takeup_frame *frame = watch->shown ? watch->shown : watch->next;
    int r = 0;
    if (frame && news->end_us - news->start_us >= watch->params->min_us) {
        CLEANUP(mem_free_text) char *name = page_name(watch);
        r = write_picture(watch, frame, name);
        watch->pages++;
        if (r >= 0)
            r = takeup_emit(output, page_new(frame, news, name));
    }
    drop(&watch->shown);
    drop(&watch->next);
    return r;
}

static int watch_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct watch *watch = self;
    const struct takeup_frame *frame = (const struct takeup_frame *)item;
    const struct luma luma = { frame->plane[0], frame->width, frame->height, frame->stride[0] };
    const struct rect whole = { 0, 0, frame->width, frame->height };
    struct stills_news news;
    int64_t start_us = item->start_us;
    step_add_glances(watch->moments, frame->glances);
    (void)moments_find(watch->moments, 0, whole, whole, &start_us);
    if (stills_look(watch->stills, &luma, start_us, item->end_us, &news) < 0)
        return watch->host->fail(watch->host, TAKEUP_FAIL_MEMORY, NULL,
                                 "no memory for a picture of %dx%d", luma.width, luma.height);
    int r = news.has_ended ? end_page(watch, &news, output) : 0;
    if (news.is_page)
        keep(watch, frame);
    return r;
}

static int watch_finish(void *self, struct takeup_output *output)
{
    struct watch *watch = self;
    struct stills_news news;
    stills_end(watch->stills, &news);
    return news.has_ended ? end_page(watch, &news, output) : 0;
}

static void watch_close(void *self)
{
    struct watch *watch = self;
    drop(&watch->shown);
    drop(&watch->next);
    stills_free(&watch->stills);
    moments_free(&watch->moments);
}

static const char *const writes[] = { "stills", NULL };

const struct takeup_step step_stills = {
    .name = "stills",
    .help = "pictures that hold still, as slides do: a file and a segment for each",
    .takes = TAKEUP_PORT_FRAME,
    .gives = TAKEUP_PORT_SEGMENTS,
    .flags = TAKEUP_SERIAL,
    .writes = writes,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct watch),
    .open = watch_open,
    .feed = watch_feed,
    .finish = watch_finish,
    .close = watch_close,
};
