/* scenes.h - what texts look like in videos: bright and dark, on grounds of all kinds.
 *
 * A scene is SCENE_PICTURES pictures, one after the other, in which the words stay where they are.
 */
#ifndef TAKEUP_TEST_SCENES_H
#define TAKEUP_TEST_SCENES_H

#include "draw.h"

#include "reading/strip.h"

enum { SCENE_PICTURES = 5, SCENE_PAN = 23 /* of a moving ground, from picture to picture */ };

struct words {
    int x, y, scale;
    const char *text;
};

/* The last three are from `low` to `high`; a flat one is `low` all over. */
enum ground { GROUND_FLAT, GROUND_SLOPE, GROUND_STILL, GROUND_MOVING };

/* Levels of luma; 0: there is none. */
struct scene {
    const char *name;
    enum ground ground;
    int low, high;
    int box, outline, letters;
    int last;  /* of the letters in the last picture, where they fade */
    int noise; /* on all of it */
};

enum {
    BRIGHT_ON_FLAT,
    DARK_ON_FLAT,
    BRIGHT_ON_GRAY,
    DARK_ON_GRAY,
    FAINT,
    BRIGHT_IN_A_BOX,
    DARK_IN_A_BOX,
    WITH_NOISE,
    BRIGHT_ON_MOVING,
    DARK_ON_MOVING,
    BRIGHT_OUTLINED_ON_MOVING,
    DARK_OUTLINED_ON_MOVING,
    BRIGHT_OUTLINED_ON_FLAT,
    DARK_OUTLINED_ON_FLAT,
    BRIGHT_OUTLINED_ON_BRIGHT,
    DARK_OUTLINED_ON_DARK,
    BRIGHT_OUTLINED_ON_STILL,
    BRIGHT_ON_A_SLOPE,
    FADING,
    SCENES
};

static const struct scene scenes[SCENES] = {
    [BRIGHT_ON_FLAT] = { "bright on flat", .low = 30, .letters = 230 },
    [DARK_ON_FLAT] = { "dark on flat", .low = 235, .letters = 20 },
    [BRIGHT_ON_GRAY] = { "bright on gray", .low = 130, .letters = 235 },
    [DARK_ON_GRAY] = { "dark on gray", .low = 130, .letters = 25 },
    [FAINT] = { "faint", .low = 100, .letters = 150 },
    [BRIGHT_IN_A_BOX] = { "bright in a box", .low = 220, .box = 20, .letters = 235 },
    [DARK_IN_A_BOX] = { "dark in a box", .low = 40, .box = 230, .letters = 25 },
    [WITH_NOISE] = { "with noise", .low = 30, .letters = 230, .noise = 15 },
    [BRIGHT_ON_MOVING] = { "bright on moving", GROUND_MOVING, 10, 190, .letters = 240 },
    [DARK_ON_MOVING] = { "dark on moving", GROUND_MOVING, 60, 250, .letters = 15 },
    [BRIGHT_OUTLINED_ON_MOVING] = { "bright, outlined, on moving", GROUND_MOVING, 20, 250,
                                    .outline = 10, .letters = 240 },
    [DARK_OUTLINED_ON_MOVING] = { "dark, outlined, on moving", GROUND_MOVING, 5, 235,
                                  .outline = 245, .letters = 15 },
    [BRIGHT_OUTLINED_ON_FLAT] = { "bright, outlined, on flat", .low = 120, .outline = 10,
                                  .letters = 240 },
    [DARK_OUTLINED_ON_FLAT] = { "dark, outlined, on flat", .low = 120, .outline = 245,
                                .letters = 15 },
    [BRIGHT_OUTLINED_ON_BRIGHT] = { "bright, outlined, on bright", .low = 244, .outline = 10,
                                    .letters = 240 },
    [DARK_OUTLINED_ON_DARK] = { "dark, outlined, on dark", .low = 15, .outline = 245,
                                .letters = 15 },
    [BRIGHT_OUTLINED_ON_STILL] = { "bright, outlined, on still", GROUND_STILL, 60, 200,
                                   .outline = 5, .letters = 245 },
    [BRIGHT_ON_A_SLOPE] = { "bright on a slope", GROUND_SLOPE, 20, 148, .letters = 240 },
    [FADING] = { "fading at the end", .low = 30, .letters = 230, .last = 60 },
};

static inline struct rect words_extent(const struct words *words)
{
    return draw_extent(words->x, words->y, words->scale, words->text);
}

/* With a margin around them. */
static inline struct rect words_place(const struct words *words, int beside, int above)
{
    struct rect core = words_extent(words);
    struct rect place = { core.x - beside, core.y - above, core.width + 2 * beside,
                          core.height + 2 * above };
    assert_true(place.x >= 0 && place.x + place.width <= DRAW_WIDTH);
    return place;
}

static inline void scene_ground(struct drawing *drawing, const struct scene *scene, int picture)
{
    switch (scene->ground) {
    case GROUND_FLAT:
        draw_flat(drawing, scene->low);
        break;
    case GROUND_SLOPE:
        draw_gradient(drawing);
        draw_gain(drawing, (scene->high - scene->low) * 100 / 255, scene->low);
        break;
    case GROUND_STILL:
        draw_leaves(drawing, scene->low, scene->high, 0);
        break;
    case GROUND_MOVING:
        draw_leaves(drawing, scene->low, scene->high, picture * SCENE_PAN);
        break;
    }
}

/* picture: counts from 0. */
static inline void scene_draw(struct drawing *drawing, const struct scene *scene,
                              const struct words *words, int picture)
{
    bool has_faded = scene->last && picture == SCENE_PICTURES - 1;
    int letters = has_faded ? scene->last : scene->letters;
    scene_ground(drawing, scene, picture);
    if (scene->box)
        draw_rect(drawing, words_place(words, 5, 3), scene->box);
    if (scene->outline)
        draw_bold(drawing, words->x, words->y, words->scale, 2, scene->outline, words->text);
    draw_text(drawing, words->x, words->y, words->scale, letters, words->text);
    if (scene->noise)
        draw_noise(drawing, scene->noise, picture);
}

/* A strip with all pictures of the scene. */
static inline void scene_strip(struct strip *strip, struct rect place, const struct scene *scene,
                               const struct words *words)
{
    static struct drawing drawing;
    assert_int_equal(strip_begin(strip, place), 0);
    for (int picture = 0; picture < SCENE_PICTURES; picture++) {
        scene_draw(&drawing, scene, words, picture);
        const struct luma luma = draw_luma(&drawing);
        strip_add(strip, &luma);
    }
}

#endif
