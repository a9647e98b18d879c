/* SPDX-License-Identifier: MIT */
/*
 * err: one failure, as a value.
 *
 *     struct err e = spool_open(&spool, path);
 *     if (err_is(&e))
 *         return e;                        // or: TRY(spool_open(&spool, path));
 *
 * A function that can fail for a reason outside its caller's control returns a struct err, which
 * must be looked at. The class decides what happens next (docs/INTERNALS.md, "error taxonomy") and
 * the exit code of a command; the text says what, where and what to do. Nothing to free.
 *
 * A caller's bug is an assert. Memory exhaustion ends the process with one line (mem_die): what is
 * on disk and in the database is always enough to start again.
 */
#ifndef SPOOLGATE_BASE_ERR_H
#define SPOOLGATE_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* class, name, exit code (sysexits.h where it has one) */
#define ERR_CLASSES(X)                                                                          \
    X(ERR_NONE, "none", 0)          /* no failure */                                            \
    X(ERR_USAGE, "usage", 64)       /* the command line is wrong */                             \
    X(ERR_SEGMENT, "segment", 65)   /* these bytes can't be loaded: the segment fails */        \
    X(ERR_ROW, "row", 65)           /* the server refused a row (SQLSTATE 22, 23, 44, P0001) */ \
    X(ERR_DATABASE, "database", 69) /* environment: hold and try again */                       \
    X(ERR_REMOTE, "remote", 69)     /* environment: a listener can't be reached */              \
    X(ERR_INTERNAL, "internal", 70) /* a bug of ours, caught before it did harm */              \
    X(ERR_SPOOL, "spool", 73)       /* environment: the file system says no */                  \
    X(ERR_BUSY, "busy", 75)         /* another process has the lock */                          \
    X(ERR_STOPPED, "stopped", 75)   /* we were asked to stop */                                 \
    X(ERR_CONFIG, "config", 78)     /* configuration, or a database at another version */

enum err_class {
#define ERR_ENUM(id, name, code) id,
    ERR_CLASSES(ERR_ENUM)
#undef ERR_ENUM
};

/* Who keeps a text for later keeps all of it: cut elsewhere, it may end within a character, and is
 * never equal to the next one. */
#define ERR_TEXT 500

struct err {
    enum err_class cls;
    char sqlstate[6];    /* "" unless a server said it */
    char text[ERR_TEXT]; /* one line of UTF-8, no credentials */
};

#define ERR_OK ((struct err){.cls = ERR_NONE})

struct err err_make(enum err_class cls, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/* Like err_make, with ": " and the text of errno value `number` at the end. */
struct err err_system(enum err_class cls, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

static inline bool err_is(const struct err *e)
{
    return e->cls != ERR_NONE;
}

/* Environment failures hold a batch and are tried again; they never fail a segment. */
static inline bool err_is_environment(const struct err *e)
{
    return e->cls != ERR_NONE && e->cls != ERR_SEGMENT && e->cls != ERR_ROW;
}

const char *err_class_name(enum err_class cls);
int err_exit_code(const struct err *e);

#define TRY(call)                     \
    do {                              \
        struct err try_err_ = (call); \
        if (err_is(&try_err_))        \
            return try_err_;          \
    } while (0)

#endif
