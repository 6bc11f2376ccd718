/* ocr_engine.c - Init asks for languages, and is content when one of several can be loaded; so what
 * was loaded is compared with what was asked for.
 *
 * Memory of its own: an engine is loaded before the process forks, which is sound only while it
 * starts no thread. Tesseract's OpenMP threads are kept away by OMP_THREAD_LIMIT=1 in the
 * environment when this object is loaded (src/cli/main.c); nothing that is done here can do that.
 *
 * What Tesseract prints goes to debug_file, and that is /dev/null. It has to be set before Init,
 * which is when it complains most.
 *
 * Engines are independent of each other but for the settings that Tesseract keeps for the process,
 * debug_file among them: Init puts all of these back to their defaults. So nobody reads while an
 * engine is loaded. */
#include "steps/ocr_engine.h"

#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct engine {
    struct engine *next;
    char *names; /* of the languages, as Init takes them */
    TessBaseAPI *api;
    int holders;          /* instances */
    pthread_mutex_t turn; /* to read: two steps of a pipeline may share it */
};

/* Held for writing while an engine is loaded or changes hands, for reading while one reads. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct engine *engines;
static int open_count; /* instances */

/* ---- loading ---- */

/* Names of files below tessdata, and they come from a job. */
static bool is_language(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-' && *at != '/')
            return false;
    return name[0] && name[0] != '/' && name[0] != '-';
}

/* Debian's package of a language: chi_sim is in tesseract-ocr-chi-sim. */
static void say_package(const char *language, char *out, size_t size)
{
    if (strchr(language, '/')) {
        (void)snprintf(out, size,
                       "apt-cache search tesseract-ocr-script; then apt-get install the "
                       "one for %s",
                       language);
        return;
    }
    int used = snprintf(out, size, "apt-get install tesseract-ocr-%s", language);
    for (int i = 0; i < used && (size_t)i < size; i++)
        out[i] = out[i] == '_' ? '-' : (char)tolower((unsigned char)out[i]);
}

static bool is_loaded(TessBaseAPI *engine, const char *language)
{
    char **loaded = TessBaseAPIGetLoadedLanguagesAsVector(engine);
    bool found = false;
    for (size_t i = 0; loaded && loaded[i]; i++)
        found |= strcmp(loaded[i], language) == 0;
    if (loaded)
        TessDeleteTextArray(loaded);
    return found;
}

static bool is_file(const char *directory, const char *language)
{
    const char *slash = str_has_suffix(directory, "/") ? "" : "/";
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s%s%s.traineddata", directory, slash, language);
    return access(path, R_OK) == 0;
}

static int say_missing(const char *language, const char *directory, struct takeup_why *why)
{
    why->failure = TAKEUP_FAIL_MISSING;
    if (is_file(directory, language)) {
        (void)snprintf(why->text, sizeof(why->text),
                       "Tesseract cannot load the language '%s' from '%s': the file is damaged, or "
                       "for another version",
                       language, directory);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "%s",
                       "install it again from the distribution's package");
        return -1;
    }
    (void)snprintf(why->text, sizeof(why->text),
                   "the language '%s' is not installed: no '%s.traineddata' in '%s'", language,
                   language, directory);
    say_package(language, why->what_to_do, sizeof(why->what_to_do));
    return -1;
}

/* The first of those asked for that is not there. */
static int say_which(const struct takeup_strings *languages, TessBaseAPI *engine, bool is_up,
                     struct takeup_why *why)
{
    const char *directory = TessBaseAPIGetDatapath(engine);
    if (!directory || !directory[0])
        directory = getenv("TESSDATA_PREFIX");
    directory = directory ? directory : "tessdata";
    const char *first = languages->items[0];
    for (size_t i = 0; i < languages->count; i++) {
        const char *language = languages->items[i];
        if (is_up ? !is_loaded(engine, language) : !is_file(directory, language))
            return say_missing(language, directory, why);
    }
    return is_up ? 0 : say_missing(first, directory, why);
}

static int check_languages(const struct takeup_strings *languages, struct takeup_why *why)
{
    for (size_t i = 0; i < languages->count; i++) {
        if (is_language(languages->items[i]))
            continue;
        why->failure = TAKEUP_FAIL_CONFIG;
        (void)snprintf(why->text, sizeof(why->text), "'%.100s' is not the name of a language",
                       languages->items[i]);
        (void)snprintf(why->what_to_do, sizeof(why->what_to_do), "%s",
                       "`tesseract --list-langs` lists those that are installed; name several as a "
                       "list, [eng, deu]");
        return -1;
    }
    return 0;
}

static char *join_languages(const struct takeup_strings *languages)
{
    struct str joined = { 0 };
    for (size_t i = 0; i < languages->count; i++) {
        str_add(&joined, i ? "+" : "");
        str_add(&joined, languages->items[i]);
    }
    return str_take(&joined);
}

static int load(TessBaseAPI *api, const char *names, const struct takeup_strings *languages,
                struct takeup_why *why)
{
    (void)TessBaseAPISetVariable(api, "debug_file", "/dev/null");
    bool is_up = TessBaseAPIInit3(api, NULL, names) == 0;
    if (say_which(languages, api, is_up, why) < 0)
        return -1;
    (void)TessBaseAPISetVariable(api, "debug_file", "/dev/null");
    /* The letters are dark already (reading/strip.h). */
    (void)TessBaseAPISetVariable(api, "tessedit_do_invert", "0");
    return 0;
}

/* ---- all engines: the lock is held for writing ---- */

/* NULL: it cannot be loaded. */
static struct engine *engine_new(const char *names, const struct takeup_strings *languages,
                                 struct takeup_why *why)
{
    TessBaseAPI *api = TessBaseAPICreate();
    if (load(api, names, languages, why) < 0) {
        TessBaseAPIDelete(api);
        return NULL;
    }
    struct engine *engine = MEM_NEW(struct engine);
    *engine = (struct engine){ .next = engines, .names = mem_strdup(names), .api = api };
    (void)pthread_mutex_init(&engine->turn, NULL);
    engines = engine;
    return engine;
}

/* NULL: there is none to be shared. */
static struct engine *engine_find(const char *names)
{
    struct engine *engine = open_count == 0 ? engines : NULL;
    while (engine && strcmp(engine->names, names) != 0)
        engine = engine->next;
    return engine;
}

static void let_go(struct engine *engine)
{
    if (--engine->holders > 0)
        return;
    struct engine **at = &engines;
    while (*at != engine)
        at = &(*at)->next;
    *at = engine->next;
    TessBaseAPIDelete(engine->api);
    (void)pthread_mutex_destroy(&engine->turn);
    free(engine->names);
    free(engine);
}

/* ---- for an instance ---- */

int engine_take(const struct takeup_strings *languages, struct takeup_why *why,
                struct engine **ret_engine)
{
    if (check_languages(languages, why) < 0)
        return -1;
    CLEANUP(mem_free_text) char *names = join_languages(languages);
    (void)pthread_rwlock_wrlock(&lock);
    struct engine *engine = engine_find(names);
    if (!engine)
        engine = engine_new(names, languages, why);
    if (engine)
        engine->holders++;
    (void)pthread_rwlock_unlock(&lock);
    *ret_engine = engine;
    return engine ? 0 : -1;
}

void engine_open(void)
{
    (void)pthread_rwlock_wrlock(&lock);
    open_count++;
    (void)pthread_rwlock_unlock(&lock);
}

void engine_leave(struct engine **engine, bool was_open)
{
    (void)pthread_rwlock_wrlock(&lock);
    open_count -= was_open ? 1 : 0;
    if (*engine)
        let_go(TAKE(*engine));
    (void)pthread_rwlock_unlock(&lock);
}

TessBaseAPI *engine_begin(struct engine *engine)
{
    (void)pthread_mutex_lock(&engine->turn);
    (void)pthread_rwlock_rdlock(&lock);
    return engine->api;
}

void engine_end(struct engine *engine)
{
    (void)pthread_rwlock_unlock(&lock);
    (void)pthread_mutex_unlock(&engine->turn);
}
