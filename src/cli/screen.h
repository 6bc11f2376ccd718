/* screen.h - the terminal that standard output is: how large, whether in colours, and a picture
 * that is drawn again and again. */
#ifndef TAKEUP_CLI_SCREEN_H
#define TAKEUP_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Is there somebody who looks at it? */
bool screen_is_there(void);
/* Columns: of the terminal, else $COLUMNS, else 80; rows: 0 when it is no terminal. */
void screen_size(int *ret_columns, int *ret_rows);
/* word: "auto", "always", "never"; NULL is auto: on a terminal that is not dumb, unless NO_COLOR is
 * set. False: it is another word. */
bool screen_wants_colour(const char *word, bool *ret_colour);

/* A picture that stays: hides the cursor and empties the screen; screen_end shows the cursor. */
void screen_begin(void);
void screen_end(void);
/* Draws text over what was drawn before, without emptying the screen, so nothing flickers. */
void screen_draw(const char *text);
/* Lines with colours in them, whose texts are escaped already. */
void screen_print(const char *text);

/* From now on INT, TERM, HUP and WINCH wait for this: it returns true after so long or when the
 * size has changed, and false when somebody wants the end. */
bool screen_wait(int64_t ms);
void screen_catch_signals(void);

#endif
