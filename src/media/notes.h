/* notes.h - what libav says, kept instead of printed. One for the process, as libav's log is. */
#ifndef TAKEUP_MEDIA_NOTES_H
#define TAKEUP_MEDIA_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOTE_SIZE = 160 };

/* Turns libav's log to here; may be called again. */
void notes_start(void);
/* How many errors were said since the process began. */
uint64_t notes_count(void);
/* The last error that was said after the first `since` ones; "" when there is none. */
void notes_last(uint64_t since, char out[NOTE_SIZE]);
/* Was `words` part of one of the last few errors after the first `since` ones? */
bool notes_have(uint64_t since, const char *words);

#endif
