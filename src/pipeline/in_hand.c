/* The file has a line of fixed length for each crop in hand, blank when there is none. A line is
 * written by one call, of which a reader sees all or nothing as far as it matters here: the writer
 * is dead by then. The page cache holds it, nothing is synced: it is of use only on a machine that
 * lives on. */
#include "pipeline/in_hand.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "pipeline/boxes.h"
#include "pipeline/params.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 256, PLACES_MAX = 64, BOX_SIDES = 4 };

struct in_hand {
    int dir_fd, fd; /* fd -1: it cannot be written */
    bool has_file;
    const json_t *skip;
    _Atomic uint64_t used; /* a bit for each slot */
};

struct in_hand *in_hand_new(int output_dir, const json_t *skip)
{
    struct in_hand *in_hand = MEM_NEW(struct in_hand);
    in_hand->dir_fd = output_dir;
    in_hand->skip = skip;
    in_hand->fd = openat(output_dir, IN_HAND_FILE,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664);
    in_hand->has_file = in_hand->fd >= 0;
    return in_hand;
}

void in_hand_end(struct in_hand **in_hand)
{
    if (!*in_hand)
        return;
    fs_close(&(*in_hand)->fd);
    if ((*in_hand)->has_file)
        (void)unlinkat((*in_hand)->dir_fd, IN_HAND_FILE, 0);
    free(*in_hand);
    *in_hand = NULL;
}

/* ---- places ---- */

static json_t *place_json(const char *step, const struct takeup_crop *crop)
{
    json_t *place = json_object();
    json_set_text(place, "step", step);
    json_set_int(place, "t_us", crop->item.start_us);
    json_set(place, "box", box_json(&crop->box));
    return place;
}

/* Only what belongs to a place; NULL: it is none. */
static json_t *place_clean(const json_t *from)
{
    const char *step = json_get_text(from, "step", "");
    const json_t *t_us = json_object_get(from, "t_us"), *box = json_object_get(from, "box");
    if (!id_is_valid(step) || !json_is_integer(t_us) || json_array_size(box) != BOX_SIDES)
        return NULL;
    for (size_t i = 0; i < BOX_SIDES; i++)
        if (!json_is_integer(json_array_get(box, i)))
            return NULL;
    json_t *place = json_object();
    json_set_text(place, "step", step);
    json_set(place, "t_us", json_deep_copy(t_us));
    json_set(place, "box", json_deep_copy(box));
    return place;
}

static bool has_place(const json_t *places, const json_t *place)
{
    for (size_t i = 0; i < json_array_size(places); i++)
        if (json_equal(json_array_get(places, i), place))
            return true;
    return false;
}

void in_hand_copy(json_t *into, const json_t *places)
{
    for (size_t i = 0; i < json_array_size(places) && json_array_size(into) < PLACES_MAX; i++) {
        CLEANUP(json_drop) json_t *place = place_clean(json_array_get(places, i));
        if (place && !has_place(into, place))
            (void)json_array_append(into, place);
    }
}

bool in_hand_skips(const struct in_hand *in_hand, const char *step, const struct takeup_crop *crop)
{
    if (json_array_size(in_hand->skip) == 0)
        return false;
    CLEANUP(json_drop) json_t *place = place_json(step, crop);
    return has_place(in_hand->skip, place);
}

/* ---- the file ---- */

static void write_line(struct in_hand *in_hand, int slot, const char *text)
{
    char line[LINE_SIZE];
    size_t len = strlen(text);
    memset(line, ' ', sizeof(line));
    memcpy(line, text, len < LINE_SIZE - 1 ? len : LINE_SIZE - 1);
    line[LINE_SIZE - 1] = '\n';
    ssize_t written = pwrite(in_hand->fd, line, sizeof(line), (off_t)slot * LINE_SIZE);
    (void)written;
}

static int free_slot(struct in_hand *in_hand)
{
    uint64_t used = atomic_load(&in_hand->used);
    while (~used) {
        int slot = __builtin_ctzll(~used);
        if (atomic_compare_exchange_weak(&in_hand->used, &used, used | UINT64_C(1) << slot))
            return slot;
    }
    return IN_HAND_NONE;
}

int in_hand_take(struct in_hand *in_hand, const char *step, const struct takeup_crop *crop)
{
    int slot = in_hand->fd < 0 ? IN_HAND_NONE : free_slot(in_hand);
    if (slot == IN_HAND_NONE)
        return IN_HAND_NONE;
    CLEANUP(json_drop) json_t *place = place_json(step, crop);
    json_set_int(place, "since_ms", time_mono_ms());
    CLEANUP(mem_free_text) char *text = json_line(place);
    write_line(in_hand, slot, text);
    return slot;
}

void in_hand_drop(struct in_hand *in_hand, int slot)
{
    if (slot == IN_HAND_NONE)
        return;
    write_line(in_hand, slot, "");
    atomic_fetch_and(&in_hand->used, ~(UINT64_C(1) << slot));
}

static void read_line(json_t *into, const char *line, int64_t before_ms)
{
    CLEANUP(json_drop) json_t *told = NULL;
    CLEANUP(json_drop) json_t *list = json_array();
    struct json_mark mark;
    if (json_parse(line, LINE_SIZE, &told, &mark, NULL) != 1 || !json_is_object(told) ||
        json_get_int(told, "since_ms", INT64_MAX) > before_ms)
        return;
    (void)json_array_append(list, told);
    in_hand_copy(into, list);
}

json_t *in_hand_read(int output_dir, int64_t least_ms)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *places = json_array();
    size_t len = 0;
    int64_t before_ms = time_mono_ms() - least_ms;
    if (fs_read_file(output_dir, IN_HAND_FILE, (size_t)IN_HAND_SLOTS * LINE_SIZE, &text, &len,
                     NULL) < 0)
        return NULL;
    for (size_t at = 0; at + LINE_SIZE <= len; at += LINE_SIZE)
        read_line(places, text + at, before_ms);
    return json_array_size(places) > 0 ? TAKE(places) : NULL;
}
