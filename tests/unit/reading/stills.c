/* Films of some pictures, a letter each, and the pages that are found in them. */
#include "draw.h"

#include "base/mem.h"
#include "base/str.h"
#include "reading/stills.h"

#include <stdlib.h>

static void draw_page(struct drawing *drawing, const char *const *lines, size_t count)
{
    draw_flat(drawing, 230);
    for (size_t i = 0; i < count; i++)
        draw_text(drawing, 20, 15 + (int)i * 45, 3, 30, lines[i]);
}

/* A page of four lines, its first two, another page, a few ways to show the first, and what is
 * none. */
static void draw_letter(struct drawing *drawing, char letter, int number)
{
    static const char *const first[] = { "THE FIRST PAGE", "HAS SOME LINES", "OF CAPITALS",
                                         "AND A LAST" };
    static const char *const other[] = { "WHAT FOLLOWS IS", "ANOTHER ONE", "WITH OTHER WORDS" };
    if (letter == 'B')
        draw_page(drawing, other, 3);
    else if (letter == '-')
        draw_flat(drawing, 230);
    else if (letter == 'm')
        draw_leaves(drawing, 20, 230, number * 9);
    else
        draw_page(drawing, first, letter == 'a' ? 2 : 4);
    if (letter == 'g')
        draw_noise(drawing, 8, number);
    if (letter == 'f')
        draw_gain(drawing, 80, 10);
    if (letter == 'p')
        draw_rect(drawing, (struct rect){ 60 + 40 * (number % 3), 70, 10, 14 }, 120);
    if (letter == 's') { /* a speaker */
        draw_rect(drawing, (struct rect){ 260, 120, 73, 80 }, 90);
        for (int i = 0; i < 5; i++)
            draw_rect(drawing, (struct rect){ 266 + 12 * i + number * 5 % 12, 130, 5, 60 }, 220);
    }
}

/* Pages as "FROM-TO ", by numbers of pictures; shown: P for each picture of a page. */
static const struct {
    const char *film, *pages, *shown;
} films[] = {
    { "AAAAABBBBB", "0-5 5-10 ", ".PPPP.PPPP" },
    { "aaaaAAAA", "0-8 ", ".PPPPPPP" },
    { "AAAAaaaa", "0-4 4-8 ", ".PPP.PPP" },
    { "-----", "", "....." },
    { "---AAAA---", "3-7 ", "....PPP..." },
    { "mmmmmmmm", "", "........" },
    { "AAAABAAAA", "0-9 ", ".PPP.PPPP" },
    { "AAmmmmBBBB", "0-2 6-10 ", ".P.....PPP" },
    { "gggggg", "0-6 ", ".PPPPP" },
    { "AAffffAA", "0-8 ", ".PPPPPPP" },
    { "ApApAppAA", "0-9 ", ".PPPPPPPP" },
    { "ssssssssssss", "0-12 ", ".PPPPPPPPPPP" },
    { "ssssssBBBBBB", "0-6 6-12 ", ".PPPPP.PPPPP" },
    { "A", "", "." },
    { "", "", "" },
};

static void tell(const struct stills_news *news, struct str *pages)
{
    if (news->has_ended)
        str_addf(pages, "%d-%d ", (int)news->start_us, (int)news->end_us);
}

static void test_pages(void **state)
{
    (void)state;
    struct drawing *drawing = MEM_NEW(struct drawing);
    for (size_t i = 0; i < COUNT(films); i++) {
        CLEANUP(str_release) struct str pages = { 0 };
        CLEANUP(str_release) struct str shown = { 0 };
        CLEANUP(stills_free) struct stills *stills = stills_new();
        struct stills_news news;
        const struct luma luma = draw_luma(drawing);
        for (int k = 0; films[i].film[k]; k++) {
            draw_letter(drawing, films[i].film[k], k);
            assert_int_equal(stills_look(stills, &luma, k, k + 1, &news), 0);
            tell(&news, &pages);
            str_add(&shown, news.is_page ? "P" : ".");
        }
        stills_end(stills, &news);
        tell(&news, &pages);
        if (strcmp(str_text(&pages), films[i].pages) != 0 ||
            strcmp(str_text(&shown), films[i].shown) != 0)
            fail_msg("'%s': %s %s", films[i].film, str_text(&pages), str_text(&shown));
    }
    free(drawing);
}

static void test_another_size_is_another_page(void **state)
{
    (void)state;
    struct drawing *drawing = MEM_NEW(struct drawing);
    CLEANUP(stills_free) struct stills *stills = stills_new();
    struct stills_news news;
    struct luma luma = draw_luma(drawing);
    draw_letter(drawing, 'A', 0);
    for (int k = 0; k < 3; k++)
        assert_int_equal(stills_look(stills, &luma, k, k + 1, &news), 0);
    luma.height -= 40;
    assert_int_equal(stills_look(stills, &luma, 3, 4, &news), 0);
    assert_true(news.has_ended && news.start_us == 0 && news.end_us == 3 && !news.is_page);
    assert_int_equal(stills_look(stills, &luma, 4, 5, &news), 0);
    assert_true(!news.has_ended && news.is_page);
    stills_end(stills, &news);
    assert_true(news.has_ended && news.start_us == 3 && news.end_us == 5);
    free(drawing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_another_size_is_another_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
