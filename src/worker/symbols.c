/* libdw is loaded when it is needed, which is seldom: linked, it and what it needs would be in
 * every command's way. What it is asked about needs no cage: these are our own libraries. */
#include "worker/symbols.h"

#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"
#include "pipeline/child.h"

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_MS = 2000 };

struct question {
    struct symbol_place *places;
    size_t count;
};

/* ---- in the child ---- */

struct library {
    typeof(&dwfl_begin) begin;
    typeof(&dwfl_report_offline) report_offline;
    typeof(&dwfl_report_end) report_end;
    typeof(&dwfl_module_info) module_info;
    typeof(&dwfl_module_addrname) module_addrname;
    typeof(&dwfl_module_getsrc) module_getsrc;
    typeof(&dwfl_lineinfo) lineinfo;
    typeof(&dwfl_standard_find_debuginfo) find_debuginfo;
    typeof(&dwfl_offline_section_address) section_address;
};

static bool load(struct library *library)
{
    void *handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    const struct {
        const char *name;
        void *at;
    } functions[] = {
        { "dwfl_begin", &library->begin },
        { "dwfl_report_offline", &library->report_offline },
        { "dwfl_report_end", &library->report_end },
        { "dwfl_module_info", &library->module_info },
        { "dwfl_module_addrname", &library->module_addrname },
        { "dwfl_module_getsrc", &library->module_getsrc },
        { "dwfl_lineinfo", &library->lineinfo },
        { "dwfl_standard_find_debuginfo", &library->find_debuginfo },
        { "dwfl_offline_section_address", &library->section_address },
    };
    for (size_t i = 0; handle && i < COUNT(functions); i++) {
        void *found = dlsym(handle, functions[i].name);
        if (!found)
            return false;
        memcpy(functions[i].at, &found, sizeof(found));
    }
    return handle != NULL;
}

static void add_name(const struct library *library, Dwfl_Module *module, unsigned long offset,
                     struct str *answer)
{
    Dwarf_Addr start = 0;
    (void)library->module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    const char *name = library->module_addrname(module, start + offset);
    if (!name)
        return;
    int line = 0;
    Dwfl_Line *source = library->module_getsrc(module, start + offset);
    const char *file = source ? library->lineinfo(source, NULL, &line, NULL, NULL, NULL) : NULL;
    const char *slash = file ? strrchr(file, '/') : NULL;
    str_add(answer, name);
    if (file)
        str_addf(answer, " at %s:%d", slash ? slash + 1 : file, line);
}

/* A line for each place. */
static void answer_all(void *arg, struct str *answer)
{
    const struct question *question = arg;
    struct library library;
    (void)unsetenv("DEBUGINFOD_URLS"); /* nobody is asked over the network */
    if (!load(&library))
        return;
    const Dwfl_Callbacks callbacks = { .find_debuginfo = library.find_debuginfo,
                                       .section_address = library.section_address };
    Dwfl *all = library.begin(&callbacks);
    for (size_t i = 0; all && i < question->count; i++) {
        const struct symbol_place *place = &question->places[i];
        Dwfl_Module *module =
            place->module ? library.report_offline(all, place->module, place->module, -1) : NULL;
        if (module)
            add_name(&library, module, place->offset, answer);
        str_add(answer, "\n");
    }
}

/* ---- in the worker ---- */

struct search {
    const char *path;
    bool found;
};

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct search *search = arg;
    search->found |= info->dlpi_name && strcmp(info->dlpi_name, search->path) == 0;
    return search->found;
}

static bool is_ours(const char *module)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    struct search search = { module, strcmp(module, program) == 0 };
    (void)dl_iterate_phdr(look, &search);
    return search.found && module[0];
}

void symbols_find(struct symbol_place *places, size_t count)
{
    CLEANUP(mem_free_text) char *answer = NULL;
    struct symbol_place *asked = mem_zero(count, sizeof(*asked));
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        places[i].name = NULL;
        asked[i] = places[i];
        if (!is_ours(places[i].module))
            asked[i].module = NULL;
        any |= asked[i].module != NULL;
    }
    struct question question = { asked, count };
    if (any)
        (void)child_ask(answer_all, &question, LIMIT_MS, &answer, NULL);
    char *rest = answer;
    for (size_t i = 0; i < count && rest; i++) {
        const char *line = strsep(&rest, "\n");
        if (line && line[0])
            places[i].name = str_printable(line);
    }
    free(asked);
}
