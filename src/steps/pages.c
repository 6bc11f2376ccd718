/* pages.c - texts and pictures of pages become pages: a segment for each, with all the text that
 * it shows, in reading order (reading/order.h).
 *
 * A segment with a picture and no text is a page (stills.c); the others are texts. A text is on a
 * page when they are shown together for half of the shorter one's time, so a heading that stays is
 * on all pages under it, and a point that comes late on the last state of its page. What is on no
 * page stays what it was. */
#include "base/mem.h"
#include "base/str.h"
#include "reading/order.h"
#include "steps/common.h"

#include <stdlib.h>
#include <string.h>

struct list {
    const struct takeup_segment **items;
    size_t count, size;
};

struct pages {
    struct list pages, texts;
};

static void list_add(struct list *list, const struct takeup_segment *segment)
{
    if (list->count == list->size) {
        list->size = list->size ? 2 * list->size : 32;
        list->items = mem_resize(list->items, list->size, sizeof(*list->items));
    }
    list->items[list->count++] = segment;
}

static void list_release(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        takeup_item_unref((void *)(uintptr_t)list->items[i]);
    free(list->items);
    *list = (struct list){ 0 };
}

static int pages_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    (void)output;
    struct pages *pages = self;
    const struct takeup_segment *segment = takeup_item_ref((void *)(uintptr_t)item);
    bool is_page = !segment->text[0] && segment->images && segment->images[0];
    list_add(is_page ? &pages->pages : &pages->texts, segment);
    return 0;
}

/* ---- what is on a page ---- */

static int64_t length_us(const struct takeup_segment *segment)
{
    return segment->item.end_us - segment->item.start_us;
}

static bool is_on(const struct takeup_segment *text, const struct takeup_segment *page)
{
    int64_t from =
        text->item.start_us > page->item.start_us ? text->item.start_us : page->item.start_us;
    int64_t to = text->item.end_us < page->item.end_us ? text->item.end_us : page->item.end_us;
    int64_t least = length_us(text) < length_us(page) ? length_us(text) : length_us(page);
    return to > from && (to - from) * 2 >= least;
}

static struct list in_reading_order(const struct list *texts)
{
    struct list ordered = { 0 };
    struct rect *boxes = mem_zero(texts->count + 1, sizeof(*boxes));
    size_t *order = mem_zero(texts->count + 1, sizeof(*order));
    for (size_t i = 0; i < texts->count; i++) {
        const struct takeup_box *box = &texts->items[i]->box;
        boxes[i] = (struct rect){ box->x, box->y, box->width, box->height };
    }
    order_boxes(boxes, texts->count, order);
    for (size_t i = 0; i < texts->count; i++)
        list_add(&ordered, texts->items[order[i]]);
    free(boxes);
    free(order);
    return ordered;
}

/* Borrowed from the texts. */
static struct list texts_on(const struct pages *pages, const struct takeup_segment *page)
{
    struct list found = { 0 };
    for (size_t i = 0; i < pages->texts.count; i++)
        if (is_on(pages->texts.items[i], page))
            list_add(&found, pages->texts.items[i]);
    struct list ordered = in_reading_order(&found);
    free(found.items);
    return ordered;
}

/* ---- the text of a page ---- */

/* Of a row with the room above it, as far as the box of the whole tells. */
static int row_height(const struct takeup_segment *text)
{
    int rows = 1;
    for (const char *at = text->text; *at; at++)
        rows += *at == '\n';
    return text->box.height / rows;
}

static bool begins_paragraph(const struct takeup_segment *before, const struct takeup_segment *text)
{
    int gap = text->box.y - (before->box.y + before->box.height);
    int row = row_height(before) < row_height(text) ? row_height(before) : row_height(text);
    return gap > row;
}

static char *page_text(const struct list *texts)
{
    struct str text = { 0 };
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0)
            str_add(&text, begins_paragraph(texts->items[i - 1], texts->items[i]) ? "\n\n" : "\n");
        str_add(&text, texts->items[i]->text);
    }
    return str_take(&text);
}

/* ---- pages ---- */

/* The picture's segment with a text; it holds on to that one, whose images it has. */
struct page {
    struct takeup_segment segment; /* first: it is the item */
    const struct takeup_segment *picture;
};

static void page_free(struct takeup_item *item)
{
    struct page *page = (struct page *)item;
    takeup_item_unref((void *)(uintptr_t)page->picture);
    free((char *)page->segment.text);
    free(page);
}

/* The least confident text speaks for all. */
static struct takeup_segment *page_new(const struct takeup_segment *picture,
                                       const struct list *texts)
{
    struct page *page = MEM_NEW(struct page);
    page->segment = *picture;
    page->segment.item.references = 1;
    page->segment.item.free = page_free;
    page->picture = takeup_item_ref((void *)(uintptr_t)picture);
    page->segment.text = page_text(texts);
    page->segment.confidence = texts->count > 0 ? 1 : 0;
    for (size_t i = 0; i < texts->count; i++)
        if (texts->items[i]->confidence < page->segment.confidence)
            page->segment.confidence = texts->items[i]->confidence;
    return &page->segment;
}

static int emit_page(const struct pages *pages, const struct takeup_segment *picture,
                     struct takeup_output *output)
{
    struct list texts = texts_on(pages, picture);
    struct takeup_segment *page = page_new(picture, &texts);
    free(texts.items);
    return takeup_emit(output, page);
}

static bool is_on_any(const struct pages *pages, const struct takeup_segment *text)
{
    for (size_t i = 0; i < pages->pages.count; i++)
        if (is_on(text, pages->pages.items[i]))
            return true;
    return false;
}

/* What is on no page, and begins before `until_us`. */
static int emit_texts(const struct pages *pages, size_t *next, int64_t until_us,
                      struct takeup_output *output)
{
    int r = 0;
    for (; r >= 0 && *next < pages->texts.count; (*next)++) {
        const struct takeup_segment *text = pages->texts.items[*next];
        if (text->item.start_us >= until_us)
            break;
        if (!is_on_any(pages, text))
            r = takeup_emit(output, takeup_item_ref((void *)(uintptr_t)text));
    }
    return r;
}

static int by_start(const void *a_, const void *b_)
{
    const struct takeup_segment *a = *(const struct takeup_segment *const *)a_;
    const struct takeup_segment *b = *(const struct takeup_segment *const *)b_;
    if (a->item.start_us != b->item.start_us)
        return a->item.start_us < b->item.start_us ? -1 : 1;
    return a->item.number < b->item.number ? -1 : a->item.number > b->item.number;
}

static void sort(struct list *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), by_start);
}

static int pages_finish(void *self, struct takeup_output *output)
{
    struct pages *pages = self;
    size_t next = 0;
    int r = 0;
    sort(&pages->pages);
    sort(&pages->texts);
    for (size_t i = 0; r >= 0 && i < pages->pages.count; i++) {
        const struct takeup_segment *page = pages->pages.items[i];
        r = emit_texts(pages, &next, page->item.start_us, output);
        if (r >= 0)
            r = emit_page(pages, page, output);
    }
    return r < 0 ? r : emit_texts(pages, &next, INT64_MAX, output);
}

static void pages_close(void *self)
{
    struct pages *pages = self;
    list_release(&pages->pages);
    list_release(&pages->texts);
}

static const char *const writes[] = { "segments", NULL };

const struct takeup_step step_pages = {
    .name = "pages",
    .help = "texts and stills as pages: a segment for each picture, with its text",
    .takes = TAKEUP_PORT_SEGMENTS,
    .gives = TAKEUP_PORT_SEGMENTS,
    .flags = TAKEUP_SERIAL,
    .writes = writes,
    .self_size = sizeof(struct pages),
    .feed = pages_feed,
    .finish = pages_finish,
    .close = pages_close,
};
