#include "test.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

enum { FREED = 4000, TAKEN = 60, PAGE = 4096 };

static size_t some_size(size_t i)
{
    static const size_t sizes[] = { 24, 40, 100, 200, 500 };
    return sizes[i % COUNT(sizes)];
}

/* Of the blocks, on how many pages they lie. */
static size_t count_pages(void *const *blocks, size_t count)
{
    size_t pages = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < i && (uintptr_t)blocks[k] / PAGE != (uintptr_t)blocks[i] / PAGE)
            k++;
        pages += k == i;
    }
    return pages;
}

static void test_afresh(void **state)
{
    (void)state;
    static void *scattered[FREED];
    void *taken[TAKEN];
    if (BUILD_IS_SANITIZED)
        skip(); /* another malloc */
    for (size_t i = 0; i < FREED; i++)
        scattered[i] = mem_zero(1, some_size(i * i));
    for (size_t i = 0; i < FREED; i += 2)
        free(scattered[i]);
    mem_begin_afresh();
    size_t bytes = 0;
    for (size_t i = 0; i < TAKEN; i++) {
        taken[i] = mem_zero(1, some_size(i));
        bytes += some_size(i) + 16; /* of the block before, glibc's size */
    }
    assert_true(count_pages(taken, TAKEN) <= bytes / PAGE + 2);
    for (size_t i = 0; i < TAKEN; i++)
        free(taken[i]);
    for (size_t i = 1; i < FREED; i += 2)
        free(scattered[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_afresh) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
