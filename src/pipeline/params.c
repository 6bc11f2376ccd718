#include "pipeline/params.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The two rows are the same but for who may see them: config knows no step, a plugin no config. */
static_assert(sizeof(struct takeup_strings) == sizeof(struct key_strings) &&
                  offsetof(struct takeup_strings, count) == offsetof(struct key_strings, count),
              "config writes what a step reads");

static const enum key_type key_types[] = {
    [TAKEUP_TYPE_BOOL] = KEY_BOOL,       [TAKEUP_TYPE_INT] = KEY_INT,
    [TAKEUP_TYPE_REAL] = KEY_REAL,       [TAKEUP_TYPE_TEXT] = KEY_TEXT,
    [TAKEUP_TYPE_STRINGS] = KEY_STRINGS, [TAKEUP_TYPE_FILE] = KEY_PATH,
    [TAKEUP_TYPE_TIME] = KEY_TIME,
};

struct key *params_keys(const struct takeup_step *step, const char *dir)
{
    size_t count = 0;
    while (step->params && step->params[count].name)
        count++;
    struct key *keys = mem_zero(count + 1, sizeof(*keys));
    for (size_t i = 0; i < count; i++) {
        const struct takeup_param *param = &step->params[i];
        keys[i] = (struct key){
            .name = param->name,
            .type = key_types[param->type],
            .offset = param->offset,
            .otherwise = param->otherwise,
            .min = param->min,
            .max = param->max,
            .choices = param->type == TAKEUP_TYPE_FILE ? dir : param->choices,
            .help = param->help,
        };
    }
    return keys;
}

const char *port_name(enum takeup_port port)
{
    static const char *const names[TAKEUP_PORT_COUNT] = {
        [TAKEUP_PORT_NONE] = "nothing", [TAKEUP_PORT_FRAME] = "frame",
        [TAKEUP_PORT_CROP] = "crop",    [TAKEUP_PORT_BOXES] = "boxes",
        [TAKEUP_PORT_LINES] = "lines",  [TAKEUP_PORT_SEGMENTS] = "segments",
    };
    return (unsigned)port < TAKEUP_PORT_COUNT ? names[port] : "something unknown";
}

bool id_is_valid(const char *id)
{
    size_t len = strlen(id);
    return len >= 1 && len <= 64 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

bool step_is_source(const struct takeup_step *step)
{
    return step->takes == TAKEUP_PORT_NONE;
}

/* What is reserved gets its meaning later, and zero is what says nothing. */
static bool has_reserved(const struct takeup_step *step)
{
    for (size_t i = 0; i < COUNT(step->reserved); i++)
        if (step->reserved[i])
            return true;
    return false;
}

static int check_shape(const struct takeup_step *step, struct err *err)
{
    const char *wrong = NULL;
    if ((unsigned)step->takes >= TAKEUP_PORT_COUNT || (unsigned)step->gives >= TAKEUP_PORT_COUNT)
        wrong = "has a port that does not exist";
    else if (step->flags != TAKEUP_SERIAL && step->flags != TAKEUP_PARALLEL)
        wrong = "has to be either serial or parallel";
    else if (step_is_source(step) && step->gives == TAKEUP_PORT_NONE)
        wrong = "takes nothing and gives nothing";
    else if (step_is_source(step) && (!step->pull || step->feed))
        wrong = "takes nothing, so it has to have pull, and no feed";
    else if (!step_is_source(step) && (!step->feed || step->pull))
        wrong = "takes something, so it has to have feed, and no pull";
    else if (!step->help)
        wrong = "has no help";
    else if (has_reserved(step))
        wrong = "has something in a member that is reserved";
    if (wrong)
        return err_set(err, ERR_BUG, 0, "step '%s' %s", step->name, wrong);
    return 0;
}

static int check_param(const struct takeup_step *step, const struct takeup_param *param,
                       struct err *err)
{
    if ((unsigned)param->type >= COUNT(key_types))
        return err_set(err, ERR_BUG, 0, "step '%s': parameter '%s' has no type that exists",
                       step->name, param->name);
    size_t size = key_type_size(key_types[param->type]);
    if (size > step->params_size || param->offset > step->params_size - size)
        return err_set(err, ERR_BUG, 0, "step '%s': parameter '%s' lies outside its structure",
                       step->name, param->name);
    for (const struct takeup_param *other = step->params; other < param; other++)
        if (strcmp(other->name, param->name) == 0)
            return err_set(err, ERR_BUG, 0, "step '%s': two parameters '%s'", step->name,
                           param->name);
    return 0;
}

int step_check(const struct takeup_step *step, struct err *err)
{
    if (!step->name || !id_is_valid(step->name))
        return err_set(err, ERR_BUG, 0, "a step's name is not made of a-z, 0-9, _ and -");
    int r = check_shape(step, err);
    for (const struct takeup_param *param = step->params; r == 0 && param && param->name; param++)
        r = check_param(step, param, err);
    if (r < 0)
        return r;
    struct key *keys = params_keys(step, NULL);
    struct key_values values = { 0 };
    r = key_values_init(&values, keys, step->params_size, err);
    if (r < 0)
        err_context(err, "step '%s'", step->name);
    key_values_release(&values);
    free(keys);
    return r;
}
