/* Where a line lacks a space. */
#include "test.h"

#include "base/mem.h"
#include "steps/spaces.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 6 };

/* Words begin a space behind the one before; `gap` is the widest one within it. */
static const struct {
    const char *name;
    struct {
        int space, gap; /* gap 0: a word of one letter; space 0: there is no such word */
    } words[WORDS_MAX];
    size_t at;
    bool is_space;
} lines[] = {
    { "as wide as the others", { { 26, 8 }, { 26, 9 }, { 27, 8 }, { 26, 25 } }, 3, true },
    { "at the beginning", { { 26, 25 }, { 26, 9 }, { 27, 8 }, { 26, 8 } }, 0, true },
    { "letters of one width, a narrow one",
      { { 26, 8 }, { 26, 9 }, { 27, 8 }, { 26, 19 } },
      3,
      false },
    { "an ordinary word", { { 26, 8 }, { 26, 9 }, { 27, 8 }, { 26, 9 } }, 3, false },
    { "a word of one letter", { { 26, 8 }, { 26, 9 }, { 27, 8 }, { 26, 0 } }, 3, false },
    { "spaced letters", { { 26, 20 }, { 26, 21 }, { 27, 22 }, { 26, 24 } }, 3, false },
    { "too few to tell", { { 26, 8 }, { 26, 9 }, { 26, 25 } }, 2, false },
    { "one wide space tells nothing",
      { { 26, 8 }, { 90, 9 }, { 27, 8 }, { 26, 8 }, { 26, 25 } },
      4,
      true },
    { "words that overlap have no space",
      { { 26, 8 }, { -3, 9 }, { -3, 8 }, { 26, 25 } },
      3,
      false },
    { "all words are of one letter but it",
      { { 26, 0 }, { 26, 0 }, { 26, 0 }, { 26, 25 } },
      3,
      true },
};

/* A word is of a letter of 20 columns on each side of its gap, which are half as many of the
 * frame's. */
static size_t make_words(size_t row, struct takeup_word *words, struct extent *extents)
{
    size_t count = 0;
    for (int x = 0; count < WORDS_MAX && lines[row].words[count].space != 0; count++) {
        int gap = lines[row].words[count].gap;
        x += lines[row].words[count].space;
        extents[count] = (struct extent){ .left = x, .right = x + 40 + gap };
        if (gap > 0) {
            extents[count].gap_left = x + 20;
            extents[count].gap_right = x + 20 + gap;
            extents[count].cut_left = (x + 20) / 2;
            extents[count].cut_right = (x + 20 + gap) / 2;
            extents[count].gap_at = 2;
        }
        words[count] = (struct takeup_word){ .text = mem_strdup("\xc3\xa9z"),
                                             .confidence = (float)count,
                                             .box = { x / 2, 7, (40 + gap) / 2, 9 } };
        x = extents[count].right;
    }
    return count;
}

static void words_release(struct ballot *line)
{
    for (size_t i = 0; i < line->count; i++)
        free((char *)line->words[i].text);
    free(line->words);
}

static void test_spaces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct ballot line = { mem_zero(WORDS_MAX, sizeof(*line.words)), 0 };
        struct extent extents[WORDS_MAX] = { 0 };
        size_t count = line.count = make_words(i, line.words, extents), at = lines[i].at;
        struct takeup_box whole = line.words[at].box;
        spaces_add(&line, extents);
        if (line.count != count + lines[i].is_space)
            fail_msg("%s: %zu words", lines[i].name, line.count);
        for (size_t k = 0; k < line.count; k++) {
            const struct takeup_word *word = &line.words[k];
            bool is_left = lines[i].is_space && k == at,
                 is_right = lines[i].is_space && k == at + 1;
            size_t was = lines[i].is_space && k > at ? k - 1 : k;
            assert_string_equal(word->text, is_left ? "\xc3\xa9" : is_right ? "z" : "\xc3\xa9z");
            assert_true(word->confidence == (float)was);
            if (is_left)
                assert_true(word->box.x == whole.x &&
                            word->box.x + word->box.width == extents[at].cut_left);
            if (is_right)
                assert_true(word->box.x == extents[at].cut_right &&
                            word->box.x + word->box.width == whole.x + whole.width);
        }
        words_release(&line);
    }
}

static void test_a_gap_amidst_a_character_is_none(void **state)
{
    (void)state;
    for (size_t gap_at = 0; gap_at <= 3; gap_at++) {
        struct ballot line = { mem_zero(WORDS_MAX, sizeof(*line.words)), 0 };
        struct extent extents[WORDS_MAX] = { 0 };
        line.count = make_words(0, line.words, extents);
        extents[lines[0].at].gap_at = gap_at;
        spaces_add(&line, extents);
        assert_int_equal(line.count, gap_at == 2 ? 5 : 4);
        words_release(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_a_gap_amidst_a_character_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
