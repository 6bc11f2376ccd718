/* check_notify.c - on_done and on_error: are the programs there, and who has a say in what is run?
 *
 * takeup.yaml of a spool may be written by more people than may become the worker's user: members
 * of its group, strangers on a share. A command from there is run only where none but that user and
 * root can put another in its place. (To own the file is not enough: in a directory that others may
 * write, a result that holds what a video showed can be renamed to takeup.yaml.) */
#include "cli/check.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const keys[] = { "on_done", "on_error" };

static const struct key_strings *words_of(const struct settings *settings, size_t i)
{
    const struct settings_values *set = settings_values(settings);
    return i == 0 ? &set->on_done : &set->on_error;
}

/* A group of the user's own, as Debian makes one for each: nobody else is in it. */
static bool is_group_of_one(gid_t gid)
{
    const struct passwd *user = getpwuid(geteuid());
    CLEANUP(mem_free_text) char *name = user ? mem_strdup(user->pw_name) : NULL;
    if (!user || user->pw_gid != gid)
        return false;
    const struct group *group = getgrgid(gid);
    if (!group || strcmp(group->gr_name, name) != 0)
        return false;
    for (char **member = group->gr_mem; *member; member++)
        if (strcmp(*member, name) != 0)
            return false;
    return true;
}

static int trust(const struct settings *settings, const char *key, const char *path,
                 struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_set(err, ERR_CONFIG, errno, "'%s'", path);
    bool is_ours = st.st_uid == 0 || st.st_uid == geteuid();
    bool is_group_out = !(st.st_mode & S_IWGRP) || is_group_of_one(st.st_gid);
    if (is_ours && is_group_out && !(st.st_mode & S_IWOTH))
        return 0;
    int r = settings_fail(
        settings, key, err,
        "this file may not name commands: '%s' (owner %d, group %d, mode %04o) can be "
        "changed by others than user %d and root",
        path, (int)st.st_uid, (int)st.st_gid, st.st_mode & 07777, (int)geteuid());
    if (err)
        err->kind = ERR_USAGE; /* as all that is wrong in these files */
    err_hint(err,
             "set %s in the machine's settings instead (%s), or take the right away: chmod "
             "go-w, chown",
             key, "/etc/takeup/takeup.yaml, --config");
    return r;
}

int cli_trust_notify(const struct settings *settings, struct err *err)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        const char *file = settings_file(settings, keys[i]);
        if (!file || words_of(settings, i)->count == 0)
            continue;
        CLEANUP(mem_free_text) char *copy = mem_strdup(file);
        int r = trust(settings, keys[i], file, err);
        if (r == 0)
            r = trust(settings, keys[i], dirname(copy), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int look_at_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EISDIR;
    return access(path, X_OK) < 0 ? -errno : 0;
}

void check_notify(struct report *report)
{
    struct err err = { 0 };
    if (!report->settings)
        return;
    if (cli_trust_notify(report->settings, &err) < 0)
        check_row(report, FAIL, "notify", err.text, err.hint);
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct key_strings *words = words_of(report->settings, i);
        if (words->count == 0)
            continue;
        int r = look_at_program(words->items[0]);
        CLEANUP(mem_free_text)
        char *text = r < 0 ? mem_printf("%s: '%s' cannot be run: %s", keys[i], words->items[0],
                                        r == -EISDIR ? "not a file" : strerror(-r))
                           : mem_printf("%s: %s", keys[i], words->items[0]);
        check_row(report, r < 0 ? FAIL : FINE, "notify", text,
                  r < 0 ? "put the program there, and make it executable for the worker's user"
                        : NULL);
    }
}
