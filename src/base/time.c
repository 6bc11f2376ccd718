#include "base/time.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t time_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t time_mono_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t time_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

char *time_format(int64_t wall_ms, char out[TIME_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int ms = (int)(wall_ms % 1000);
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    struct tm utc;
    char whole[TIME_TEXT_SIZE] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, TIME_TEXT_SIZE, "%.20s.%03dZ", whole, ms);
    return out;
}

bool time_parse(const char *text, int64_t *ret_wall_ms)
{
    struct tm utc = { 0 };
    int ms, used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
               &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms, &used) != 7 ||
        used != 24 || text[used])
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    *ret_wall_ms = (int64_t)timegm(&utc) * 1000 + ms;
    return true;
}
