/* fsck_open.c - a spool that cannot be opened as it is. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MARK_MAX_BYTES = 4096, MISSING_AT_MOST = 4 };

static void look_places(int root, struct fsck_findings *findings)
{
    for (int place = 0; place < PLACE_COUNT; place++) {
        const char *name = spool_place_name((enum spool_place)place);
        struct stat st;
        if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            fsck_tell(findings, FSCK_PLACE_MISSING, name, strerror(errno));
        else if (!S_ISDIR(st.st_mode))
            fsck_tell(findings, FSCK_PLACE_MISSING, name,
                      "something else has its name; move that away first");
    }
}

/* Missing, or not what it should be. One of a newer takeup is not damaged. */
static bool mark_is_damaged(int root, struct err *ret_why)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *mark = NULL;
    struct json_mark at;
    size_t len;
    int r = fs_read_file(root, ".takeup", MARK_MAX_BYTES, &text, &len, ret_why);
    if (r < 0)
        return r == -ENOENT || r == -EIO || ret_why->kind == ERR_INPUT;
    if (json_parse(text, len, &mark, &at, ret_why) == 1 && json_get_int(mark, "format", 0) >= 1 &&
        json_get_text(mark, "id", "")[0])
        return false;
    (void)err_set(ret_why, ERR_CONFIG, 0, "it should be {\"format\": 1, \"id\": \"…\"}");
    return true;
}

/* 1: there are findings. 0: this is no spool, or something that fsck knows nothing about. */
static int look(const char *dir, struct fsck_findings *findings)
{
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return 0;
    struct err why = { 0 };
    bool damaged = mark_is_damaged(root, &why);
    if (damaged)
        fsck_tell(findings, FSCK_MARK_DAMAGED, ".takeup", why.text);
    size_t before = findings->count;
    look_places(root, findings);
    bool is_spool = !damaged || findings->count - before <= MISSING_AT_MOST;
    if (!is_spool)
        fsck_forget(findings, 0);
    return is_spool && findings->count > 0;
}

static int make_anew(const char *dir, struct fsck_findings *findings, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < findings->count && r == 0; i++)
        if (findings->list[i].code == FSCK_MARK_DAMAGED)
            r = spool_mark_anew(dir, err);
    return r < 0 ? r : spool_init(dir, err);
}

int fsck_open(const char *dir, bool repair, struct spool **ret_spool,
              struct fsck_findings *findings, struct err *err)
{
    int r = spool_open(dir, ret_spool, err);
    if (r == 0)
        return 1;
    if (look(dir, findings) == 0)
        return r;
    if (!repair)
        return 0;
    if (make_anew(dir, findings, err) < 0 || spool_open(dir, ret_spool, err) < 0)
        return 0;
    for (size_t i = 0; i < findings->count; i++)
        findings->list[i].repaired = true;
    return 1;
}
