#include "steps/zones.h"

#include "base/macros.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* Four numbers and nothing else. */
static bool zone_read(const char *text, double sides[4])
{
    for (int i = 0; i < 4; i++) {
        while (*text == ' ')
            text++;
        if (!isdigit((unsigned char)*text) && *text != '.')
            return false;
        char *end;
        sides[i] = strtod(text, &end);
        if (end == text)
            return false;
        for (text = end; *text == ' ';)
            text++;
        if (*text++ != (i < 3 ? ',' : '\0'))
            return false;
    }
    return true;
}

static bool zone_parse(const char *text, struct zone *ret_zone)
{
    const double slack = 1e-6; /* .7 and .3 are a little more than 1 */
    double sides[4];
    if (!zone_read(text, sides))
        return false;
    *ret_zone = (struct zone){ sides[0], sides[1], sides[2], sides[3] };
    return ret_zone->width > 0 && ret_zone->height > 0 &&
           ret_zone->x + ret_zone->width <= 1 + slack &&
           ret_zone->y + ret_zone->height <= 1 + slack;
}

int zones_parse(struct zones *zones, const struct takeup_strings *texts, struct takeup_why *why)
{
    zones_release(zones);
    zones->items = mem_zero(texts->count + 1, sizeof(*zones->items));
    for (; zones->count < texts->count; zones->count++) {
        const char *text = texts->items[zones->count];
        if (zone_parse(text, &zones->items[zones->count]))
            continue;
        why->failure = TAKEUP_FAIL_CONFIG;
        (void)snprintf(why->text, sizeof(why->text), "'%.100s' is not a part of the picture", text);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "%s",
                       "write x,y,width,height as parts of the picture's sides, from 0 to 1: the "
                       "lower third is \"0,0.67,1,0.33\"");
        return -1;
    }
    return 0;
}

void zones_release(struct zones *zones)
{
    free(zones->items);
    *zones = (struct zones){ 0 };
}

static bool zone_has(const struct zone *zone, double x, double y)
{
    return x >= zone->x && y >= zone->y && x <= zone->x + zone->width &&
           y <= zone->y + zone->height;
}

bool zones_have(const struct zones *zones, const struct takeup_box *box, int width, int height)
{
    double x = (box->x + box->width / 2.0) / width, y = (box->y + box->height / 2.0) / height;
    for (size_t i = 0; i < zones->count; i++)
        if (zone_has(&zones->items[i], x, y))
            return true;
    return false;
}
