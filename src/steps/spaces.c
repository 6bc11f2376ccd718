#include "steps/spaces.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPACES_MIN = 3,
    SPACE_PERCENT = 85, /* of the usual space; letters of one width are up to 75 apart */
    LETTERS_TIMES = 2,  /* wider than the usual widest gap in a word: else the letters are spaced */
};

static int by_width(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Sorts them; 0 when there are none. */
static int median(int *widths, size_t count)
{
    if (count == 0)
        return 0;
    qsort(widths, count, sizeof(*widths), by_width);
    return widths[count / 2];
}

static int gap_in(const struct extent *word)
{
    return word->gap_right - word->gap_left;
}

static bool is_space(const struct extent *words, size_t count, size_t at)
{
    int *spaces = mem_zero(count + 1, sizeof(*spaces)), *gaps = mem_zero(count + 1, sizeof(*gaps));
    size_t space_count = 0, gap_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && words[i].left > words[i - 1].right)
            spaces[space_count++] = words[i].left - words[i - 1].right;
        if (i != at && words[i].gap_right > words[i].gap_left)
            gaps[gap_count++] = gap_in(&words[i]);
    }
    int space = median(spaces, space_count), gap = median(gaps, gap_count),
        own = gap_in(&words[at]);
    free(spaces);
    free(gaps);
    return space_count >= SPACES_MIN && own * 100 >= SPACE_PERCENT * space &&
           own >= LETTERS_TIMES * gap;
}

/* In the place of the word, which moved there. */
static void split(struct takeup_word *two, const struct extent *extent)
{
    const struct takeup_word word = two[0];
    int right = word.box.x + word.box.width;
    two[1] = word;
    two[0].text = mem_strndup(word.text, extent->gap_at);
    two[0].box.width = extent->cut_left - word.box.x;
    two[1].text = mem_strdup(word.text + extent->gap_at);
    two[1].box.x = extent->cut_right;
    two[1].box.width = right - extent->cut_right;
    free((char *)word.text);
}

/* Not where the text was cleaned of what is no character, and the gap lies amidst one now. */
static bool may_split(const struct takeup_word *word, const struct extent *extent)
{
    return extent->gap_at > 0 && extent->gap_at < strlen(word->text) &&
           (word->text[extent->gap_at] & 0xc0) != 0x80;
}

void spaces_add(struct ballot *line, const struct extent *extents)
{
    size_t count = line->count;
    for (size_t at = count; at-- > 0;) {
        if (!may_split(&line->words[at], &extents[at]) || !is_space(extents, count, at))
            continue;
        line->words = mem_resize(line->words, line->count + 1, sizeof(*line->words));
        memmove(&line->words[at + 2], &line->words[at + 1],
                (line->count - at - 1) * sizeof(*line->words));
        split(&line->words[at], &extents[at]);
        line->count++;
    }
}
