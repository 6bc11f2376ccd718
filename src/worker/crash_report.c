#include "worker/crash_report.h"

#include "base/mem.h"
#include "base/time.h"
#include "worker/sandbox_filter.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- the short form ---- */

static void amend_call(struct runner_end *end, int call)
{
    char name[64];
    (void)snprintf(end->text, sizeof(end->text),
                   "the runner made a system call that the sandbox forbids: %s",
                   filter_call_name(call, name, sizeof(name)));
    (void)snprintf(end->hint, sizeof(end->hint), "%s",
                   "the video may be made to take a decoder over: keep it, and report it to those "
                   "who write the decoder; a plugin that needs such calls runs with sandbox: none");
}

static void amend_memory(struct runner_end *end, int64_t memory_bytes)
{
    end->failure = FAILURE_MEMORY;
    (void)snprintf(end->text, sizeof(end->text),
                   "the attempt needed more than %lld MiB of memory (max_memory)",
                   (long long)(memory_bytes >> 20));
    (void)snprintf(end->hint, sizeof(end->hint), "%s",
                   "raise max_memory in takeup.yaml, or give the worker fewer jobs or threads");
}

void crash_amend(struct runner_end *end, const struct crash_notes *notes, int64_t memory_bytes)
{
    if (end->failure == FAILURE_CRASH && notes->out_of_memory)
        amend_memory(end, memory_bytes);
    else if (end->failure == FAILURE_CRASH && notes->call >= 0)
        amend_call(end, notes->call);
    else if (notes->where) {
        CLEANUP(mem_free_text) char *text = mem_strdup(end->text);
        (void)snprintf(end->text, sizeof(end->text), "%s, in %s", text, notes->where);
    }
}

/* ---- the long form ---- */

static void add_size(struct str *text, const char *name, int64_t bytes)
{
    if (bytes > 0)
        str_addf(text, ", %s %lld MiB", name, (long long)(bytes >> 20));
}

static void add_limits(struct str *text, const struct crash_facts *facts)
{
    str_addf(text, "limits: sandbox %s", facts->sandbox ? facts->sandbox : "none");
    add_size(text, "max_memory", facts->memory_bytes);
    add_size(text, "max_output", facts->output_bytes);
    if (facts->timeout_ms > 0)
        str_addf(text, ", timeout_s %g", (double)facts->timeout_ms / 1000);
    if (facts->stall_ms > 0)
        str_addf(text, ", stall_s %g", (double)facts->stall_ms / 1000);
    str_add(text, "\n");
}

/* Of a library the file that its name leads to, which says the version: libtesseract.so.5.0.3. */
static int add_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct str *text = arg;
    if (!info->dlpi_name || !strstr(info->dlpi_name, ".so"))
        return 0;
    char *path = realpath(info->dlpi_name, NULL);
    const char *shown = path ? path : info->dlpi_name;
    const char *slash = strrchr(shown, '/');
    str_addf(text, " %s", slash ? slash + 1 : shown);
    free(path);
    return 0;
}

static void add_versions(struct str *text)
{
    struct utsname system = { 0 };
    (void)uname(&system);
    str_addf(text, "versions: takeup " TAKEUP_VERSION ", Linux %s %s\nlibraries:", system.release,
             system.machine);
    (void)dl_iterate_phdr(add_library, text);
    str_add(text, "\n");
}

char *crash_report(const struct crash_facts *facts)
{
    const struct runner_end *end = facts->end;
    struct str text = { 0 };
    char now[TIME_TEXT_SIZE];
    str_add_line(&text, "attempt %d, %s", facts->attempt, time_format(time_wall_ms(), now));
    str_add_line(&text, "%s", end->text);
    str_add_line(&text, "step: %s", end->step[0] ? end->step : "-");
    if (facts->frame_us >= 0)
        str_addf(&text, "at: %.3f s of the video\n", (double)facts->frame_us / 1e6);
    str_addf(&text, "ran for: %.1f s, %.1f s of CPU, at most %lld MiB\n",
             (double)facts->ran_ms / 1000, end->cpu_s, (long long)(end->max_rss_bytes >> 20));
    for (size_t i = 0; i < json_array_size(facts->in_hand); i++) {
        CLEANUP(mem_free_text) char *place = json_line(json_array_get(facts->in_hand, i));
        str_add_line(&text, "at work on, and left out from now on: %s", place);
    }
    if (facts->notes->text)
        str_addf(&text, "%sa frame without a name: addr2line -Cfpe FILE 0xOFFSET\n",
                 facts->notes->text);
    str_add(&text, "last lines of its log:\n");
    for (size_t i = 0; i < facts->line_count; i++)
        str_add_line(&text, "  %s", facts->lines[i]);
    add_limits(&text, facts);
    add_versions(&text);
    str_add(&text, "\n");
    return str_take(&text);
}
