#include "test.h"

#include "reading/gate.h"

#include <string.h>

enum { WIDTH = 101, HEIGHT = 67, STRIDE = 128 };

static uint8_t plane[HEIGHT * STRIDE];

static struct luma paper(int level)
{
    memset(plane, level, sizeof(plane));
    return (struct luma){ plane, WIDTH, HEIGHT, STRIDE };
}

static void stroke(int x0, int y0, int width, int height, int level)
{
    for (int y = y0; y < y0 + height; y++)
        memset(plane + y * STRIDE + x0, level, (size_t)width);
}

/* The same numbers each time, from -amount to amount. */
static void noise(int amount)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof(plane); i++) {
        seed = seed * 1664525 + 1013904223;
        plane[i] = (uint8_t)(plane[i] + (int)(seed >> 16) % (2 * amount + 1) - amount);
    }
}

static void nothing(void)
{
}
static void a_little_noise(void)
{
    noise(15);
}
static void brighter(void)
{
    for (size_t i = 0; i < sizeof(plane); i++)
        plane[i] = (uint8_t)(plane[i] + 10);
}
static void behind_the_row(void)
{
    for (int y = 0; y < HEIGHT; y++)
        memset(plane + y * STRIDE + WIDTH, 0, STRIDE - WIDTH);
}
static void a_small_letter(void)
{
    stroke(41, 22, 1, 7, 20);
}
static void a_letter_in_the_corner(void)
{
    stroke(WIDTH - 3, HEIGHT - 6, 2, 6, 20);
}
static void a_letter_gone(void)
{
    stroke(10, 10, 3, 12, 200);
}
static void faint_letters(void)
{
    stroke(30, 30, 20, 4, 140);
}
static void all_dark(void)
{
    memset(plane, 10, sizeof(plane));
}

static const struct {
    const char *name;
    void (*change)(void);
    bool changes;
} changes[] = {
    { "nothing", nothing, false },
    { "a little noise", a_little_noise, false },
    { "brighter", brighter, false },
    { "behind the row", behind_the_row, false },
    { "a small letter", a_small_letter, true },
    { "a letter in the corner", a_letter_in_the_corner, true },
    { "a letter gone", a_letter_gone, true },
    { "faint letters", faint_letters, true },
    { "all dark", all_dark, true },
};

static void test_letters_count_and_noise_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct gate gate = { 0 };
        struct luma luma = paper(200);
        stroke(10, 10, 3, 12, 20);
        assert_true(gate_changes(&gate, &luma));
        assert_int_equal(gate_keep(&gate, &luma), 0);
        changes[i].change();
        if (gate_changes(&gate, &luma) != changes[i].changes)
            fail_msg("%s", changes[i].name);
        gate_release(&gate);
    }
}

/* Each step is too small to be seen; their sum is not. */
static void test_a_slow_fade_adds_up(void **state)
{
    (void)state;
    struct gate gate = { 0 };
    struct luma luma = paper(200);
    assert_int_equal(gate_keep(&gate, &luma), 0);
    int level = 200;
    do {
        level -= 10;
        stroke(20, 20, 8, 8, level);
    } while (level > 20 && !gate_changes(&gate, &luma));
    assert_in_range(level, 100, 170);
    gate_release(&gate);
}

static void test_another_size_is_a_change(void **state)
{
    (void)state;
    struct gate gate = { 0 };
    struct luma luma = paper(200);
    assert_int_equal(gate_keep(&gate, &luma), 0);
    luma.width--;
    assert_true(gate_changes(&gate, &luma));
    assert_int_equal(gate_keep(&gate, &luma), 0);
    assert_false(gate_changes(&gate, &luma));
    gate_release(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_count_and_noise_does_not),
        cmocka_unit_test(test_a_slow_fade_adds_up),
        cmocka_unit_test(test_another_size_is_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
