/* step.h - what a step of a pipeline is; installed as <takeup/step.h>, and all that a plugin sees.
 *
 * A pipeline is a graph of steps. Items flow along it: frames come from a source, become crops,
 * lines, segments. A step is described by a `struct takeup_step`: its name, its parameters, the
 * kind of item that it takes and the kind that it gives, and six functions:
 *
 *     warm -> open -> feed, feed, … -> finish -> close          (a source: pull instead of feed)
 *
 *   warm    before the process forks, once for each instance: load models. May take long, must
 *           start no thread and open nothing that is to be written; what it leaves open is closed
 *           before open, where the runner enters its sandbox: read models into memory. Optional.
 *   open    a run begins; `host` is valid until close.
 *   feed    takes one item, emits none, one or several.
 *   pull    of a source: emits the next items; 1 to be called again, 0 at the end.
 *   finish  the input has ended: emit what was held back. Optional.
 *   close   frees what the instance holds, whatever came before (even nothing). Optional.
 *
 * An instance is `self_size` bytes, zero-filled before warm. `params` points to a structure of the
 * step's own, filled from the pipeline file by the table of parameters, and constant.
 *
 * Flags. TAKEUP_SERIAL: one instance sees all items, in order. TAKEUP_PARALLEL: the step keeps
 * nothing between two items, so there may be an instance for each thread, and each sees any of the
 * items; the scheduler restores their order behind it. No function of one instance is ever called
 * by two threads at once, and each is called in order, but not all by the same thread. Of several
 * instances one is warmed before the fork; the others are warmed and opened when there is enough to
 * do for them, by threads of their own, while the first is at work.
 *
 * Errors. A function that fails says why through host->fail and returns its (negative) value; in
 * warm there is no host yet: it writes a reason into `why`. The run then ends. An emit that answers
 * below 0 is passed on as it is.
 *
 * A run that dies while a step is fed a crop is tried again without that crop, with a warning: what
 * may crash or hang over one picture is best given crops.
 *
 * Ownership. Items are counted references and never change once emitted. emit takes over the
 * caller's reference, also when it fails. feed borrows: takeup_item_ref to keep it longer.
 *
 * This header depends on no library and can be included from C11 and C++11.
 *
 * How it grows. A plugin that was built once goes on working with every later takeup:
 *
 *   1. What is here stays: no member moves or changes its type or its meaning, no structure changes
 *      its size, no enumerator its value.
 *   2. What is new takes `reserved` members. Everybody leaves these zero (calloc, designated
 *      initialisers), and zero always means "not said, as before". A table of a step that has
 *      something there is refused.
 *   3. Enumerators come behind the last one (ahead of TAKEUP_PORT_COUNT and TAKEUP_COUNTERS, which
 *      are takeup's own). A step only ever meets ports that it names itself; a counter or failure
 *      that takeup does not know is none or a bug. takeup_item and takeup_param have no reserved
 *      members and never change at all.
 *   4. Members are appended to takeup_host, takeup_output and takeup_why, which only takeup makes,
 *      and to takeup_plugin, of which takeup reads as much as its `abi` says is there.
 *   5. Each such addition raises TAKEUP_STEP_ABI by one. Should rule 1 ever have to be broken,
 *      TAKEUP_STEP_ABI_OLDEST becomes that number too.
 *
 * A plugin is used when its `abi` lies from TAKEUP_STEP_ABI_OLDEST to TAKEUP_STEP_ABI of the takeup
 * that loads it: so it never calls what is not there. To serve older ones too, build it with
 * theirs. tests/unit/pipeline/step_abi.c holds every offset and value to this. */
#ifndef TAKEUP_STEP_H
#define TAKEUP_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAKEUP_STEP_ABI 2
#define TAKEUP_STEP_ABI_OLDEST 1

/* ---- items ---- */

enum takeup_port {
    TAKEUP_PORT_NONE,     /* a source takes nothing; a step that only writes files gives nothing */
    TAKEUP_PORT_FRAME,    /* struct takeup_frame */
    TAKEUP_PORT_CROP,     /* struct takeup_crop */
    TAKEUP_PORT_BOXES,    /* struct takeup_boxes */
    TAKEUP_PORT_LINES,    /* struct takeup_lines */
    TAKEUP_PORT_SEGMENTS, /* struct takeup_segment */
    TAKEUP_PORT_COUNT
};

/* Times are microseconds since the start of the video: of the container where it says one, else of
 * the first frame. An item covers [start_us, end_us). */
struct takeup_item {
    enum takeup_port port;
    int references;  /* takeup_item_ref, takeup_item_unref */
    uint64_t number; /* given by the scheduler: order behind one step */
    int64_t start_us, end_us;
    void (*free)(struct takeup_item *); /* frees the item and all it holds */
};

static inline void *takeup_item_ref(void *item)
{
    (void)__atomic_add_fetch(&((struct takeup_item *)item)->references, 1, __ATOMIC_RELAXED);
    return item;
}

/* Accepts NULL. */
static inline void takeup_item_unref(void *item)
{
    struct takeup_item *base = (struct takeup_item *)item;
    if (base && __atomic_sub_fetch(&base->references, 1, __ATOMIC_ACQ_REL) == 0)
        base->free(base);
}

struct takeup_rational {
    int num, den;
};

/* In pixels of the frame as it is shown (rotated, square pixels). */
struct takeup_box {
    int x, y, width, height;
};

/* What is in the planes. All have 8 bits a sample; what a video has more is rounded. Full range:
 * black is 0, white is 255. Plane 0 is luma in all that there are and may come. */
enum takeup_pixels {
    TAKEUP_PIXELS_GRAY,   /* plane 0: luma */
    TAKEUP_PIXELS_YUV420, /* planes 0 to 2: luma, then Cb and Cr at half width and height, rounded
                             up */
};

/* A frame that nobody looks at, at a glance: its luma at points that lie evenly over the picture as
 * it is shown, in rows from the top. Levels are as they are in the file. */
struct takeup_glance {
    int64_t start_us;
    const uint8_t *luma; /* columns x rows bytes */
};

/* What came between two frames that are looked at: the first glance is at the earlier one of them,
 * the last at the later. By them one can tell when something changed, to the frame if each was
 * decoded. */
struct takeup_glances {
    int columns, rows;
    size_t count;
    const struct takeup_glance *all;
    uintptr_t reserved[2];
};

/* A picture as a viewer sees it: rotated as the display matrix says, fields put together. */
struct takeup_frame {
    struct takeup_item item;
    int width, height;
    enum takeup_pixels pixels;
    const uint8_t *plane[3];
    int stride[3];                    /* bytes from one row to the next, at least the row's width */
    int64_t pts;                      /* as in the file, */
    struct takeup_rational time_base; /* in this unit of seconds */
    struct takeup_rational sample_aspect; /* shape of a pixel; 1/1 when it is not known */
    void *owner;                          /* of the planes; the maker's */
    /* Since the frame before this one; NULL: nobody took any. */
    const struct takeup_glances *glances;
    uintptr_t reserved[3];
};

enum takeup_region_flags {
    TAKEUP_REGION_MOVED = 1 << 0, /* it went elsewhere meanwhile: box is where it was first */
};

/* An image to be read: a part of a frame, or made from several frames, that shows one state of one
 * region from start_us to end_us. */
struct takeup_crop {
    struct takeup_item item;
    uint64_t region;       /* the same number: the same region at another time */
    struct takeup_box box; /* where the region lies in the frame */
    int width, height;     /* of the image, which may be scaled */
    const uint8_t *luma;
    int stride;
    void *owner;
    int frame_width, frame_height; /* of the frame; 0: not known */
    uintptr_t flags;               /* enum takeup_region_flags */
    /* No crop that comes later from the same step begins before this, in milliseconds since the
     * start of the video; 0: not said. */
    uintptr_t from_ms;
    uintptr_t reserved[1];
};

/* Texts are UTF-8; they belong to the item, or outlive it (constants). */
struct takeup_object {
    const char *label; /* what it is: "person", "qr" */
    float confidence;  /* 0..1 */
    struct takeup_box box;
    uint64_t track;   /* the same number: the same thing at another time; 0: nobody followed it */
    const char *text; /* what it says: a barcode, a number plate; NULL: nothing */
    uintptr_t reserved[4];
};

/* What a detector found; count may be 0. Shown from start_us to end_us: for one frame, the frame's
 * own. */
struct takeup_boxes {
    struct takeup_item item;
    const struct takeup_object *objects;
    size_t count;
    uintptr_t reserved[4];
};

struct takeup_word {
    const char *text; /* UTF-8 */
    float confidence; /* 0..1 */
    struct takeup_box box;
    uintptr_t reserved[2];
};

struct takeup_line {
    const char *text;
    float confidence;
    struct takeup_box box;
    const struct takeup_word *words;
    size_t word_count;
    const char *image; /* name of an artifact: what this was read from; NULL: it was not kept */
    uintptr_t reserved[1];
};

/* What was read in one crop, from top to bottom; count is 0 when there was no text. */
struct takeup_lines {
    struct takeup_item item;
    uint64_t region;
    struct takeup_box box;
    const struct takeup_line *lines;
    size_t count;
    int frame_width, frame_height; /* of the frame; 0: not known */
    uintptr_t flags;               /* enum takeup_region_flags */
    uintptr_t from_ms;             /* of what comes later, as in takeup_crop */
    uintptr_t reserved[1];
};

/* One text, shown (or said) from start_us to end_us: UTF-8; its lines are parted by \n, its
 * paragraphs by an empty line. Other control characters but tabs are left out of what is written.
 * Emitted in the order of start_us. */
struct takeup_segment {
    struct takeup_item item;
    const char *text;
    float confidence;
    struct takeup_box box;         /* all 0: it is nowhere in the picture */
    int frame_width, frame_height; /* of the frame in which box lies; 0: not known */
    /* Names of artifacts that show it, NULL at the end; NULL: there are none. */
    const char *const *images;
    uintptr_t reserved[2];
};

/* Where a step puts what it makes. */
struct takeup_output {
    int (*emit)(struct takeup_output *output, struct takeup_item *item);
};

static inline int takeup_emit(struct takeup_output *output, void *item)
{
    return output->emit(output, (struct takeup_item *)item);
}

/* ---- parameters ---- */

enum takeup_type {
    TAKEUP_TYPE_BOOL,    /* bool */
    TAKEUP_TYPE_INT,     /* int64_t */
    TAKEUP_TYPE_REAL,    /* double */
    TAKEUP_TYPE_TEXT,    /* const char * */
    TAKEUP_TYPE_STRINGS, /* struct takeup_strings */
    /* const char *: the path of a file that the step opens, a model say. Made absolute before the
     * step sees it; a relative one lies beside the plugin. */
    TAKEUP_TYPE_FILE,
    TAKEUP_TYPE_TIME, /* int64_t, microseconds; written as seconds or as H:MM:SS.mmm */
};

struct takeup_strings {
    const char *const *items;
    size_t count;
};

/* One row of a step's table, which ends with a row whose name is NULL. Validation, `takeup steps`
 * and the documentation come from it. */
struct takeup_param {
    const char *name;
    enum takeup_type type;
    size_t offset;         /* of the value in the step's params structure */
    const char *otherwise; /* default, as it would stand in YAML: "5", "[eng]", "true" */
    double min, max;       /* of INT and REAL, of TIME in seconds, of the count of STRINGS; both 0:
                            * no bounds */
    const char *choices;   /* of TEXT and of each of STRINGS: "srt|vtt"; NULL: any */
    const char *help;      /* one line */
};

/* ---- the surroundings of a step ---- */

/* The kinds of failure that a step can tell; what follows from each is the worker's to say. */
enum takeup_failure {
    TAKEUP_FAIL_INPUT,   /* the input is not what it should be; trying again is no use */
    TAKEUP_FAIL_CONFIG,  /* a parameter does not fit */
    TAKEUP_FAIL_MISSING, /* a model, a language, a codec is not installed */
    TAKEUP_FAIL_IO,      /* reading or writing failed; it may work another time */
    TAKEUP_FAIL_MEMORY,
    TAKEUP_FAIL_STOPPED, /* the run is being ended */
    TAKEUP_FAIL_BUG,
};

enum takeup_counter {
    TAKEUP_COUNT_FRAMES_DECODED,
    TAKEUP_COUNT_FRAMES_READ, /* images given to the reader */
    TAKEUP_COUNTERS
};

/* Valid from open to close; its functions may be called at any time between, by any thread. */
struct takeup_host {
    int input_fd;           /* the regular file to be worked on, at offset 0 in open; for pread */
    const char *input_name; /* for messages, and for what the name's ending tells */
    int output_dir;         /* directory for artifacts; plain names only, none that exists */
    int threads;            /* at least 1: how many a step may start that starts some by itself
                               (a decoder); of a parallel step the scheduler sees to that */

    /* Says why the run fails; the first call counts. what to do may be NULL. Returns below 0. */
    int (*fail)(struct takeup_host *host, enum takeup_failure failure, const char *what_to_do,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
    /* Ends up in the record's warnings. */
    void (*warn)(struct takeup_host *host, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
    /* A line in the log: what was opened, what was found. Not one for each frame. */
    void (*info)(struct takeup_host *host, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
    /* How far the input is done, in microseconds; total 0 when it is not known. Also tells the
     * worker that the run is alive, so a source calls it for each item. */
    void (*progress)(struct takeup_host *host, int64_t done_us, int64_t total_us);
    void (*count)(struct takeup_host *host, enum takeup_counter counter, uint64_t more);
    /* A text that a step found and leaves out of what it emits, and why ("its confidence is below
     * 0.6"). Where the log level is debug it is noted in frames.jsonl, else nowhere. Borrowed. */
    void (*drop)(struct takeup_host *host, const struct takeup_segment *segment, const char *why);
    int inputs; /* how many steps this one takes items from */
};

/* ---- a step ---- */

enum takeup_flags {
    TAKEUP_SERIAL = 1 << 0,
    TAKEUP_PARALLEL = 1 << 1,
};

enum { TAKEUP_WHY_SIZE = 512 };

/* Why warm failed. */
struct takeup_why {
    enum takeup_failure failure;
    char text[TAKEUP_WHY_SIZE];
    char what_to_do[TAKEUP_WHY_SIZE];
};

struct takeup_step {
    const char *name;
    const char *help; /* one line */
    enum takeup_port takes, gives;
    unsigned flags; /* exactly one of takeup_flags */
    /* What it adds to the result, NULL at the end: keys ("segments") and artifacts. Two steps of a
     * pipeline that write the same are an error. NULL: nothing. */
    const char *const *writes;
    const struct takeup_param *params; /* NULL: none */
    size_t params_size, self_size;

    int (*warm)(void *self, const void *params, struct takeup_why *why);
    int (*open)(void *self, const void *params, struct takeup_host *host);
    int (*feed)(void *self, const struct takeup_item *item, struct takeup_output *output);
    int (*pull)(void *self, struct takeup_output *output);
    int (*finish)(void *self, struct takeup_output *output);
    void (*close)(void *self);
    uintptr_t reserved[8];
};

/* ---- a plugin ---- */

struct takeup_plugin {
    unsigned abi; /* TAKEUP_STEP_ABI; stays the first member for ever */
    const char *name, *version;
    const struct takeup_step *const *steps; /* NULL at the end */
};

/* What a plugin defines and its shared object exports; also under -fvisibility=hidden. */
extern const struct takeup_plugin takeup_plugin __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif
