/* Who may do what in the spool: the part of `takeup check` that looks at owners and modes. That the
 * worker can write where it must is found by renames, not here. */
#include "cli/check.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

/* Who is the worker? He whose worker has beaten last; else who runs this, if that is not root, who
 * may look on behalf of another one: then the spool's owner. */
static uid_t uid_of_worker(const struct spool *spool)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    struct stat st, newest = { .st_uid = geteuid() };
    int beats = spool_dir(spool, PLACE_HEARTBEAT);
    const struct dirent *entry;
    (void)fs_open_dir(beats, ".", &dir, NULL);
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            fstatat(beats, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtim.tv_sec > newest.st_mtim.tv_sec)
            newest = st;
    if (newest.st_uid == 0 && newest.st_ino == 0 && fstat(spool_root(spool), &st) == 0)
        return st.st_uid;
    return newest.st_uid;
}

/* The name of a user, or its number; the caller frees it. */
static char *user_name(uid_t uid)
{
    struct passwd user, *found = NULL;
    char words[4096];
    (void)getpwuid_r(uid, &user, words, sizeof(words), &found);
    return found ? mem_strdup(found->pw_name) : mem_printf("%u", (unsigned)uid);
}

static void check_owner(struct report *report, const char *shown, const char *path, uid_t owner,
                        uid_t worker)
{
    if (owner == 0 || owner == worker)
        return;
    CLEANUP(mem_free_text) char *his = user_name(owner);
    CLEANUP(mem_free_text) char *ours = user_name(worker);
    CLEANUP(mem_free_text)
    char *text = mem_printf("%s belongs to %s, who can shut it or open it to all; the worker is %s",
                            shown, his, ours);
    CLEANUP(mem_free_text) char *mend = mem_printf("chown %s %s", ours, path);
    check_row(report, WARN, "owners", text, mend);
}

/* One directory, "pending" or "" for the spool itself. */
static void check_dir(struct report *report, const struct spool *spool, const char *name,
                      const struct stat *st, uid_t worker)
{
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s%s%s", spool_path(spool), name[0] ? "/" : "", name);
    CLEANUP(mem_free_text) char *word = str_shell_word(path);
    CLEANUP(mem_free_text)
    char *shown = name[0] ? mem_printf("%s/", name) : mem_strdup("the spool's own directory");
    check_owner(report, shown, word, st->st_uid, worker);
    if (st->st_mode & S_IWOTH) {
        CLEANUP(mem_free_text)
        char *text =
            mem_printf("%s has mode %04o, so anybody on this machine can put things into it", shown,
                       st->st_mode & 07777);
        CLEANUP(mem_free_text) char *mend = mem_printf("chmod o-w %s", word);
        check_row(report, WARN, "modes", text, mend);
    }
    if (name[0] && (st->st_mode & (S_ISGID | S_IWGRP)) != (S_ISGID | S_IWGRP)) {
        CLEANUP(mem_free_text)
        char *text = mem_printf("%s has mode %04o, so results of one user may be closed to others",
                                shown, st->st_mode & 07777);
        CLEANUP(mem_free_text) char *mend = mem_printf("chmod 2775 %s", word);
        check_row(report, WARN, "modes", text, mend);
    }
}

/* In these a job can be put by whoever may write there: deferred/ and running/ as well. */
static bool holds_jobs(enum spool_place place)
{
    return place == PLACE_PENDING || place == PLACE_PENDING_HIGH || place == PLACE_PENDING_LOW ||
           place == PLACE_DEFERRED || place == PLACE_RUNNING;
}

static void warn_of_strangers(struct report *report, const struct spool *spool, const char *place)
{
    const struct settings_values *set = report->settings ? settings_values(report->settings) : NULL;
    if (set && set->input_roots.count > 0)
        return;
    CLEANUP(mem_free_text)
    char *text = mem_printf("strangers can write jobs (%s), and so have each file read that the "
                            "worker can read",
                            place);
    CLEANUP(mem_free_text)
    char *mend = mem_printf("set input_roots in %s/" CLI_SPOOL_CONFIG " to the directories of the "
                            "videos, or take the right away (chmod o-w)",
                            spool_path(spool));
    check_row(report, WARN, "inputs", text, mend);
}

/* The folders of pipelines, where files are dropped. */
static void check_inbox(struct report *report, const struct spool *spool, uid_t worker)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int inbox = spool_dir(spool, PLACE_INBOX);
    const struct dirent *entry;
    (void)fs_open_dir(inbox, ".", &dir, NULL);
    while (dir && (entry = readdir(dir))) {
        struct stat st;
        if (entry->d_name[0] == '.' ||
            fstatat(inbox, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
            continue;
        CLEANUP(mem_free_text) char *name = mem_printf("inbox/%s", entry->d_name);
        check_dir(report, spool, name, &st, worker);
    }
}

void check_modes(struct report *report, const struct spool *spool)
{
    uid_t worker = uid_of_worker(spool);
    const char *open_to_all = NULL;
    struct stat st;
    if (fstat(spool_root(spool), &st) == 0)
        check_dir(report, spool, "", &st, worker);
    for (int i = 0; i < PLACE_COUNT; i++) {
        enum spool_place place = (enum spool_place)i;
        if (fstat(spool_dir(spool, place), &st) < 0)
            continue;
        check_dir(report, spool, spool_place_name(place), &st, worker);
        if (!open_to_all && holds_jobs(place) && (st.st_mode & S_IWOTH))
            open_to_all = spool_place_name(place);
    }
    check_inbox(report, spool, worker);
    if (open_to_all)
        warn_of_strangers(report, spool, open_to_all);
}
