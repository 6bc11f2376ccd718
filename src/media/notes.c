/* notes.c - libav calls its log from any thread, so there is a lock; and a damaged file can make it
 * speak for every block of every frame, so only the last few lines are kept. */
#include "media/notes.h"

#include "base/macros.h"

#include <libavutil/log.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_KEPT = 8 };

static struct {
    pthread_mutex_t lock;
    uint64_t count;
    char line[NOTES_KEPT][NOTE_SIZE]; /* error number n is in n % NOTES_KEPT */
} notes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note_clean(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            *at = '?';
}

PRINTF_LIKE(3, 0)
static void note(void *context, int level, const char *format, va_list args)
{
    (void)context;
    if (level > AV_LOG_ERROR)
        return;
    char line[NOTE_SIZE];
    (void)vsnprintf(line, sizeof(line), format, args);
    note_clean(line);
    (void)pthread_mutex_lock(&notes.lock);
    memcpy(notes.line[notes.count++ % NOTES_KEPT], line, sizeof(line));
    (void)pthread_mutex_unlock(&notes.lock);
}

void notes_start(void)
{
    av_log_set_callback(note);
}

uint64_t notes_count(void)
{
    (void)pthread_mutex_lock(&notes.lock);
    uint64_t count = notes.count;
    (void)pthread_mutex_unlock(&notes.lock);
    return count;
}

void notes_last(uint64_t since, char out[NOTE_SIZE])
{
    out[0] = '\0';
    (void)pthread_mutex_lock(&notes.lock);
    if (notes.count > since)
        memcpy(out, notes.line[(notes.count - 1) % NOTES_KEPT], NOTE_SIZE);
    (void)pthread_mutex_unlock(&notes.lock);
}

bool notes_have(uint64_t since, const char *words)
{
    bool found = false;
    (void)pthread_mutex_lock(&notes.lock);
    for (uint64_t n = notes.count; n > since && n + NOTES_KEPT > notes.count && !found; n--)
        found = strstr(notes.line[(n - 1) % NOTES_KEPT], words) != NULL;
    (void)pthread_mutex_unlock(&notes.lock);
    return found;
}
