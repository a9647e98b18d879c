/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 80, ROWS = 24 };

/* One write, unless the terminal takes less. */
static struct err write_all(const void *bytes, size_t len)
{
    for (const char *p = bytes; len > 0;) {
        ssize_t n = write(STDOUT_FILENO, p, len);
        if (n < 0 && errno != EINTR)
            return err_system(ERR_SPOOL, errno, "can't write to the terminal");
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}

static struct err write_text(const char *text)
{
    return write_all(text, strlen(text));
}

void terminal_measure(struct terminal *t)
{
    struct winsize size;
    bool is_known =
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    t->size.columns = is_known ? size.ws_col : COLUMNS;
    t->size.rows = is_known ? size.ws_row : ROWS;
}

/* Ctrl-C and Ctrl-Z stay signals. */
static void enter(struct terminal *t)
{
    if (t->keys >= 0) {
        struct termios raw = t->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(t->keys, TCSADRAIN, &raw);
    }
    struct err e = write_text(SCREEN_ENTER);
    t->is_open = !err_is(&e);
    terminal_measure(t);
}

bool terminal_open(struct terminal *t)
{
    const char *term = getenv("TERM");
    *t = (struct terminal){.keys = -1};
    if (!isatty(STDOUT_FILENO) || !term || !*term || strcmp(term, "dumb") == 0)
        return false;
    if (tcgetattr(STDIN_FILENO, &t->before) == 0)
        t->keys = STDIN_FILENO;
    t->size.is_utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    enter(t);
    return t->is_open;
}

void terminal_close(struct terminal *t)
{
    if (!t->is_open)
        return;
    struct err e = write_text(SCREEN_LEAVE); /* a terminal that is gone needs none */
    (void)e;
    if (t->keys >= 0)
        (void)tcsetattr(t->keys, TCSADRAIN, &t->before);
    t->is_open = false;
}

void terminal_suspend(struct terminal *t)
{
    terminal_close(t);
    (void)raise(SIGSTOP);
    if (t->keys >= 0) /* a shell may have changed them meanwhile */
        (void)tcgetattr(t->keys, &t->before);
    enter(t);
}

struct err terminal_show(const struct terminal *t, const char *text)
{
    struct buf frame = {0};
    screen_put(&frame, text, &t->size);
    struct err e = write_all(frame.data, frame.len);
    buf_free(&frame);
    return e;
}
