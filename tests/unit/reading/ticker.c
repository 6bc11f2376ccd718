/* What runs sideways, and what does not. */
#include "draw.h"

#include "base/mem.h"
#include "reading/ticker.h"

#include <stdlib.h>

enum { PICTURE_US = 200000, PICTURES = 60 };

static const char words[] =
    "THIS TEXT RUNS ON AND ON AND NEVER STOPS FOR ANYBODY WHO WOULD READ IT "
    "AND SO IT GOES FOR ALL OF THE EVENING UNTIL THE NEWS ARE OVER AND DONE";

/* A heading that stays, and what is done with a line below it. */
static void draw(struct drawing *drawing, char what, int number)
{
    draw_flat(drawing, 40);
    if (what == 'p') { /* the camera turns */
        for (int i = 0; i < 7; i++)
            draw_text(drawing, -200 + i * 31 - number * 12, 6 + i * 28, 3, 220, words + i);
        return;
    }
    draw_text(drawing, 20, 20, 3, 220, "WHAT STAYS");
    if (what == 'l')
        draw_text(drawing, 300 - number * 12, 160, 3, 220, words);
    else if (what == 'r')
        draw_text(drawing, -2500 + number * 12, 160, 3, 220, words);
    else if (what == 's')
        draw_text(drawing, 10, 160, 3, 220, words);
    else if (what == 'v') /* it goes up */
        draw_text(drawing, 10, 300 - number * 4, 3, 220, words);
    else if (what == 'c') /* another text each time */
        draw_text(drawing, 10, 160, 3, 220, words + number % 40);
    else if (what == 'b') /* a while only */
        draw_text(drawing, number < 6 ? 300 - number * 40 : 10, 160, 3, 220, words);
}

static const struct {
    char what;
    int found;
} films[] = { { 'l', 1 }, { 'r', 1 }, { 's', 0 }, { 'v', 0 }, { 'b', 0 }, { 'p', 0 }, { '-', 0 } };

static void test_what_runs_is_found_once(void **state)
{
    (void)state;
    struct drawing *drawing = MEM_NEW(struct drawing);
    const struct luma luma = draw_luma(drawing);
    for (size_t i = 0; i < COUNT(films); i++) {
        CLEANUP(ticker_free) struct ticker *ticker = ticker_new();
        struct rect rows = { 0 };
        int found = 0;
        for (int k = 0; k < PICTURES; k++) {
            draw(drawing, films[i].what, k);
            int r = ticker_look(ticker, &luma, (int64_t)k * PICTURE_US, &rows);
            assert_true(r >= 0);
            found += r;
        }
        if (found != films[i].found)
            fail_msg("'%c': %d", films[i].what, found);
        if (found && (rows.y < 140 || rows.y > 170 || rows.y + rows.height < 170 ||
                      rows.y + rows.height > 200 || rows.width != luma.width))
            fail_msg("'%c': from %d, %d rows", films[i].what, rows.y, rows.height);
    }
    free(drawing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_runs_is_found_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
