/* SPDX-License-Identifier: MIT */
#include "replay/segment.h"

#include <endian.h>
#include <zstd.h>

#include "base/buf.h"
#include "bytes.h"
#include "folder.h"

#define NAME "a.msgpack"

static struct folder top;

static void set_up(void)
{
    top = folder_make();
}

static void tear_down(void)
{
    folder_remove(&top);
}

TestSuite(segment, .init = set_up, .fini = tear_down);

/* {"kind": "x"}, more of them than the reader's window takes at once. */
#define FRAME   "\x81\xa4kind\xa1x"
#define FRAMES  300000
#define CHANGES 2000 /* the frame at which somebody changes the file */

static void write_bytes(const char *name, const struct buf *bytes, time_t modified)
{
    const struct timespec times[] = {{.tv_sec = modified}, {.tv_sec = modified}};
    int fd = openat(top.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    cr_assert_eq(write(fd, bytes->data, bytes->len), (ssize_t)bytes->len, "%m");
    cr_assert_eq(futimens(fd, times), 0, "%m");
    (void)close(fd);
}

static void write_frames(const char *name, unsigned count)
{
    struct buf bytes = {0};
    for (unsigned i = 0; i < count; i++)
        buf_put(&bytes, FRAME, sizeof FRAME - 1);
    write_bytes(name, &bytes, 1000000000);
    buf_free(&bytes);
}

struct walked {
    void (*change)(void);
    uint64_t frames;
};

/* No stream takes the frames: each is a reject, and nothing is loaded. */
static bool note_reject(void *context, const struct frame *frame, const struct reject *reject,
                        struct err *failure)
{
    struct walked *w = context;
    (void)frame;
    (void)reject;
    (void)failure;
    if (++w->frames == CHANGES && w->change)
        w->change();
    return true;
}

static bool no_row(void *context, const struct frame *frame, const struct copybin_row *row,
                   struct err *failure)
{
    (void)context;
    (void)frame;
    (void)row;
    (void)failure;
    return false;
}

static struct err walk(const char *name, struct walked *w, const atomic_bool *stop)
{
    static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
    static const struct stream_set none = {0};
    struct uuid nobody = {0};
    struct copybin encoder;
    struct segment_tools tools = {0};
    struct segment_summary sum;
    struct segment_walk walk = {.tools = &tools,
                                .encoder = &encoder,
                                .limits = &limits,
                                .stop = stop,
                                .on_row = no_row,
                                .on_reject = note_reject,
                                .context = w};
    copybin_open(&encoder, &none, &nobody, 0, NUL_REJECT);
    encoder.segment = name;
    struct err e = segment_walk(&walk, top.fd, name, &sum);
    copybin_close(&encoder);
    segment_tools_close(&tools);
    return e;
}

static int open_again(void)
{
    int fd = openat(top.fd, NAME, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%m");
    return fd;
}

static void append(void)
{
    int fd = open_again();
    cr_assert_eq(lseek(fd, 0, SEEK_END), FRAMES * (off_t)(sizeof FRAME - 1));
    cr_assert_eq(write(fd, FRAME, sizeof FRAME - 1), (ssize_t)(sizeof FRAME - 1), "%m");
    (void)close(fd);
}

static void cut_at_a_frame(void)
{
    int fd = open_again();
    cr_assert_eq(ftruncate(fd, (FRAMES - 1) * (off_t)(sizeof FRAME - 1)), 0, "%m");
    (void)close(fd);
}

static void cut_and_date_back(void)
{
    static const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    cut_at_a_frame();
    cr_assert_eq(utimensat(top.fd, NAME, times, 0), 0, "%m");
}

static void write_in_place(void)
{
    int fd = open_again();
    cr_assert_eq(pwrite(fd, FRAME, sizeof FRAME - 1, 0), (ssize_t)(sizeof FRAME - 1), "%m");
    (void)close(fd);
}

static void cut_to_nothing(void)
{
    int fd = open_again();
    cr_assert_eq(ftruncate(fd, 0), 0, "%m");
    (void)close(fd);
}

static void swap(void)
{
    write_frames("b.msgpack", 3);
    cr_assert_eq(renameat(top.fd, "b.msgpack", top.fd, NAME), 0, "%m");
}

static void remove_it(void)
{
    cr_assert_eq(unlinkat(top.fd, NAME, 0), 0, "%m");
}

Test(segment, one_that_changes_while_it_is_read_is_not_what_was_announced)
{
    static const struct {
        const char *label;
        void (*change)(void);
        const char *want; /* NULL: it is read as it was */
    } rows[] = {
        {"nobody", NULL, NULL},
        {"appended to", append, "the file changed while it was read"},
        {"cut at a frame", cut_at_a_frame, "the file changed while it was read"},
        {"cut, and its mtime set back", cut_and_date_back, "the file changed while it was read"},
        {"written to in place", write_in_place, "the file changed while it was read"},
        {"cut to nothing", cut_to_nothing, NULL},
        {"another one in its place", swap, NULL},
        {"removed", remove_it, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct walked w = {.change = rows[i].change};
        write_frames(NAME, FRAMES);
        struct err e = walk(NAME, &w, NULL);
        if (rows[i].change == cut_to_nothing) { /* where the window ended is where it is cut */
            cr_expect_eq(e.cls, ERR_SEGMENT, "%s: got %s", rows[i].label, e.text);
        } else if (rows[i].want) {
            cr_expect_str_eq(e.text, rows[i].want, "%s: want %s, got %s", rows[i].label,
                             rows[i].want, e.text);
            cr_expect_eq(e.cls, ERR_SEGMENT);
        } else {
            cr_expect(!err_is(&e), "%s: got %s", rows[i].label, e.text);
            cr_expect_eq(w.frames, FRAMES, "%s: got %zu", rows[i].label, (size_t)w.frames);
        }
    }
}

Test(segment, is_a_regular_file)
{
    struct walked w = {0};
    write_frames("target.msgpack", 1);
    cr_assert_eq(symlinkat("target.msgpack", top.fd, "link.msgpack"), 0, "%m");
    cr_assert_eq(mkfifoat(top.fd, "fifo.msgpack", 0660), 0, "%m");
    cr_assert_eq(mkdirat(top.fd, "folder.msgpack", 0770), 0, "%m");
    folder_write(top.fd, "empty.msgpack", "");
    EXPECT_ERR(walk("link.msgpack", &w, NULL), ERR_SEGMENT, "not a regular file");
    EXPECT_ERR(walk("fifo.msgpack", &w, NULL), ERR_SEGMENT, "not a regular file");
    EXPECT_ERR(walk("folder.msgpack", &w, NULL), ERR_SEGMENT, "not a regular file");
    EXPECT_ERR(walk("empty.msgpack", &w, NULL), ERR_SEGMENT, "empty file (0 bytes)");
    EXPECT_ERR(walk("none.msgpack", &w, NULL), ERR_SPOOL, "No such file");
    EXPECT_ERR(walk("n\n\xff.msgpack", &w, NULL), ERR_SPOOL,
               "can't open n%0A%FF.msgpack: No such file");
    EXPECT_OK(walk("target.msgpack", &w, NULL));
}

Test(segment, whose_mode_was_changed_waits_for_whoever_mends_it)
{
    struct walked w = {0};
    write_frames(NAME, 1);
    cr_assert_eq(fchmodat(top.fd, NAME, 0, 0), 0, "%m");
    if (geteuid() == 0) { /* who reads everything */
        cr_assert_eq(fchmod(top.fd, 0755), 0, "%m");
        cr_assert_eq(seteuid(65534), 0, "%m");
    }
    EXPECT_ERR(walk(NAME, &w, NULL), ERR_SPOOL, "can't open a.msgpack: Permission denied");
    cr_assert_eq(seteuid(getuid()), 0, "%m");
}

Test(segment, a_stop_is_heard_where_no_frame_comes)
{
    struct walked w = {0};
    atomic_bool stop = true;
    struct buf bytes = {0};
    uint32_t head[] = {htole32(ZSTD_MAGIC_SKIPPABLE_START), htole32(1 << 20)};
    buf_put(&bytes, head, sizeof head);
    memset(buf_reserve(&bytes, 1 << 20), 0, 1 << 20);
    bytes.len += 1 << 20;
    write_bytes("skip.msgpack.zst", &bytes, 1000000000);
    buf_free(&bytes);
    EXPECT_ERR(walk("skip.msgpack.zst", &w, &stop), ERR_STOPPED, "asked to stop");
    atomic_store(&stop, false);
    EXPECT_OK(walk("skip.msgpack.zst", &w, &stop));
}
